"""Signed mail of 20 KB from many domains as it reaches a company: most of it valid, some altered on the way, some forged."""

import random
from dataclasses import dataclass
from itertools import accumulate, product

from tests.peers import outside
from tests.peers.company import DOMAIN
from tests.peers.outside import Domain, OutsideMessage

SIZE = 20 * 1024  # bytes, about
POLICIES = ("reject", "quarantine", "none", "reject", "none")
DOMAINS = [Domain(f"sender{number}.example", dmarc=POLICIES[number % len(POLICIES)]) for number in range(50)]
PEOPLE = ("it+ada.byron", "it+russell.coker", "sales+hanne.dahl", "sales+luc.moreau")
SYLLABLES = ("ba", "den", "for", "gul", "ha", "kel", "lor", "mi", "nor", "pe", "ra", "sten", "tu", "vin")
WORDS = ["".join(some) for length in range(1, 5) for some in product(SYLLABLES, repeat=length)]  # the commonest are short
FREQUENCIES = list(
    accumulate(1 / (rank + 100) for rank in range(len(WORDS)))
)  # Zipf-Mandelbrot: two messages share 6 % of their telling words, real ones as long 4 %


@dataclass(frozen=True, slots=True)
class Sent:
    """A message, its envelope, and whether its author can be proven."""

    reverse_path: str
    recipient: str
    raw: bytes
    proven: bool


def make_zone() -> str:
    """Make the DNS zone of all senders."""
    return outside.write_zone() + "".join(domain.zone() for domain in DOMAINS)


def make_messages(count: int, seed: int = 1) -> list[Sent]:
    """Make messages: of ten, eight are valid, one was altered after signing, and one names an author who did not send it."""
    chance = random.Random(seed)
    return [make_message(number, chance) for number in range(count)]


def make_message(number: int, chance: random.Random) -> Sent:
    """Makes a message; every second one has an HTML part and an attachment."""
    domain, person = DOMAINS[number % len(DOMAINS)], chance.choice(PEOPLE)
    author = f"{make_words(chance, 12).replace(' ', '')}@{domain.name}"
    rich = bool(number % 2)
    written = OutsideMessage(
        author,
        f"{person}@{DOMAIN}",
        make_words(chance, 40),
        make_paragraphs(chance, 2500 if rich else SIZE - 1200),
        html=f'<p>{make_paragraphs(chance, 2200)}</p><a href="http://www.{domain.name}/{number}">more</a>' if rich else "",
        name=make_words(chance, 10).title(),
        attachments=((f"document {number}.pdf", b"%PDF-1.7\n" + chance.randbytes(9500)),) if rich else (),
    )
    kind = number % 10
    if kind == 9:  # signed and sent by somebody else than From says
        liar = outside.PHISHER.name
        raw = written.raw(signed=False)
        return Sent(f"bounces@{liar}", written.to, outside.sign_message(raw, liar) + raw, proven=False)
    raw = written.raw()
    if kind == 8:  # SPF still proves it
        raw += b"A footer that a mailing list puts below everything.\r\n"
    return Sent(f"bounces@{domain.name}", written.to, raw, proven=True)


def make_paragraphs(chance: random.Random, size: int) -> str:
    """Text of about so many characters in lines of at most 72."""
    lines: list[str] = []
    while sum(map(len, lines)) + 2 * len(lines) < size:
        lines.append(make_words(chance, chance.randint(50, 70)))
    return "\r\n".join(lines) + "\r\n"


def make_words(chance: random.Random, size: int) -> str:
    """Invented words of about so many characters together, each as often as words of its rank occur."""
    found = ""
    while len(found) < size:
        found += chance.choices(WORDS, cum_weights=FREQUENCIES)[0] + " "
    return found.strip()
