"""Waves with noise of their own in each copy: named operators on a message that was really sent. Nobody sent what they make.

Seeds 1 to 50 are for development. Seeds 1001 to 1050 are for reports, and are not looked at before.
"""

import itertools
import random
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from html import escape
from pathlib import Path

from tests.triage.messages import from_archive, mail
from tests.triage.waves import FIRST, LAST, TEXTS, invented
from triage.message.fingerprint_text import distinctive_words
from triage.message.mime.mime_parts import parts_of
from triage.message.mime.text_parts import texts_of
from triage.message.summary import make_summary

BLOCK = 1_000  # seeds of one block take different messages
DEVELOPMENT, REPORTED = range(1, 51), range(1_001, 1_051)
FEWEST_WORDS, LONGEST = 4, 60_000  # telling words of a message that waves are made of; its characters
RUN, ALIKE = 3, 0.1  # words in a row, and the share of them by which two messages are one wave already
SENTENCES = 12  # of a copy's prose
LETTERS, DIGITS = "abcdefghijklmnopqrstuvwxyz", "0123456789"
HREF = re.compile(r"""(?<=href=)\s{0,3}(["'])\s{0,9}(?:https?:)?//[^"']{1,4000}\1""", re.IGNORECASE)
WRITTEN = re.compile(r"https?://[^\s<>\"']{3,4000}")
BLOCK_START = re.compile(r"<(p|div|td|table|span)\b", re.IGNORECASE)
WORDS = re.compile(r"[^\W\d_]+")
CLEAR = re.compile(r"[A-Z][^.!?<>@\n]{30,200}[.!?]")


@dataclass(frozen=True, slots=True)
class Original:
    """Original of a wave."""

    subject: str
    body: str
    is_html: bool


@dataclass(frozen=True, slots=True)
class Draft:
    """A copy that is being written."""

    original: Original
    subject: str
    body: str
    sender: str  # the From field
    address: str  # the author's, where the field has a clear one; also the envelope's
    domain: str  # of its links
    host: str = "www"  # below that
    paths: tuple[str, ...] = ("account/confirm",)


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy of a wave, as it comes in."""

    raw: bytes
    author: str  # of the envelope
    client: str
    recipient: str


@dataclass(frozen=True, slots=True)
class Material:
    """Material of waves: differing messages, and sentences that people wrote."""

    originals: tuple[Original, ...]
    sentences: tuple[str, ...] = field(repr=False, default=())


Operator = Callable[[Draft, random.Random, Material], Draft]


def random_letters(draft: Draft, chance: random.Random, _: Material) -> Draft:
    """Ends each link in letters of its own."""
    return with_paths(draft, chance, lambda: pick_letters(chance, LETTERS, 4, 9))


def random_digits(draft: Draft, chance: random.Random, _: Material) -> Draft:
    """Ends each link in digits of its own."""
    return with_paths(draft, chance, lambda: pick_letters(chance, DIGITS, 3, 12))


def random_words(draft: Draft, chance: random.Random, material: Material) -> Draft:
    """Ends each link in words of its own."""
    known = [word for sentence in chance.sample(material.sentences, 5) for word in WORDS.findall(sentence.casefold())]
    return with_paths(draft, chance, lambda: "-".join(chance.sample(known, 2)))


def subject_numbers(draft: Draft, chance: random.Random, _: Material) -> Draft:
    """The subject has a number of its own."""
    number = f"{chance.choice(('#', 'INV-', 'Ref: ', ''))}{chance.randrange(10**6)}"
    return replace(draft, subject=chance.choice((f"{draft.subject} {number}", f"{number} {draft.subject}", f"{draft.subject} ({number})")))


def reshuffled_html(draft: Draft, chance: random.Random, _: Material) -> Draft:
    """The page has attributes, wrappers and comments of its own."""
    page = draft.body if draft.original.is_html else as_page(draft.body)

    def draw_id(found: re.Match[str]) -> str:
        return f'<{found[1]} id="{pick_letters(chance, LETTERS, 5, 9)}"' if chance.random() < 0.5 else found[0]

    page = BLOCK_START.sub(draw_id, page)
    for _number in range(chance.randrange(1, 4)):
        page = f"<{(tag := chance.choice(('div', 'center', 'section')))}>{page}</{tag}><!-- {pick_letters(chance, LETTERS, 9, 40)} -->"
    return replace(draft, body=page, original=replace(draft.original, is_html=True))


def malformed_from(draft: Draft, chance: random.Random, _: Material) -> Draft:
    """No strict reader accepts the From field."""
    return replace(draft, sender=f"{chance.choice(FIRST)} Prime, {pick_letters(chance, LETTERS, 4, 6)} <{draft.address}>")


def host_a_copy(draft: Draft, chance: random.Random, _: Material) -> Draft:
    """Links lead to a host of their own below one domain."""
    return replace(draft, host=pick_letters(chance, LETTERS + DIGITS, 4, 10))


def domain_a_copy(draft: Draft, chance: random.Random, _: Material) -> Draft:
    """Links lead to a domain of their own."""
    return replace(draft, domain=f"{''.join(invented(chance, 2))}.example")


def own_prose(draft: Draft, chance: random.Random, material: Material) -> Draft:
    """The text is another one in each copy; only a link below it stays."""
    said = "\n\n".join(chance.sample(material.sentences, min(SENTENCES, len(material.sentences))))
    link = "https://link.example/"
    body = (
        f'<html><body><p>{escape(said)}</p><p><a href="{link}">Open</a></p></body></html>'
        if draft.original.is_html
        else f"{said}\n\n{link}"
    )
    return replace(draft, body=body)


PATHS: dict[str, Operator] = {"letters in links": random_letters, "digits in links": random_digits, "words in links": random_words}
HOSTS: dict[str, Operator] = {"a host a copy": host_a_copy, "a domain a copy": domain_a_copy}
LOOKS: dict[str, Operator] = {
    "subject numbers": subject_numbers,
    "HTML reshuffled": reshuffled_html,
    "malformed From": malformed_from,
}
NOISE: dict[str, Operator] = PATHS | HOSTS | LOOKS  # the text stays
PROSE: dict[str, Operator] = {"prose for each copy": own_prose}


def as_page(text: str) -> str:
    """The same text as a page, its links as links."""
    linked = WRITTEN.sub(lambda found: f'<a href="{found[0]}">{found[0]}</a>', escape(text, quote=False))
    return f"<div>{linked.replace(chr(10), '<br>')}</div>"


def with_paths(draft: Draft, chance: random.Random, name: Callable[[], str]) -> Draft:
    """The same with paths that end in a name each."""
    return replace(draft, paths=tuple(name() + chance.choice(("", ".php", ".html", "/")) for _ in range(30)))


def with_link(draft: Draft, target: str) -> Draft:
    """The same with one more link, which stays as it is."""
    below = f"<p><a href={target}>Terms</a></p>" if draft.original.is_html else f"\n\n{target.removeprefix('https:')}"
    return replace(draft, body=draft.body + below)


def pick_letters(chance: random.Random, letters: str, fewest: int, most: int) -> str:
    """A few letters by chance."""
    return "".join(chance.choices(letters, k=chance.randrange(fewest, most + 1)))


def make_wave(seed: int, copies: int, operators: Collection[str], material: Material, beside: str = "") -> Iterator[Copy]:
    """Copies of one message, each with noise of these names. `beside`: a link that each has too, as wanted messages do."""
    chance = random.Random(f"{seed} {sorted(operators)}")
    original = pick_original(seed, material)
    domain = f"{''.join(invented(chance, 3))}.example"
    for number in range(copies):
        name = f"{chance.choice(FIRST)} {chance.choice(LAST)}"
        address = f"desk{number}@{''.join(invented(chance, 2))}.example"
        draft = Draft(original, original.subject, original.body, f"{name} <{address}>", address, domain)
        for wanted in (*PROSE, *NOISE):  # what changes the text comes first
            draft = (PROSE | NOISE)[wanted](draft, chance, material) if wanted in operators else draft
        draft = with_link(draft, beside) if beside else draft
        yield write_copy(draft, chance)


def pick_operators(seed: int, *, prose: bool) -> set[str]:
    """Choose the noise of a wave with this seed: some of each kind, and in every second wave links of its own."""
    chance = random.Random(f"operators {seed}")
    found = {name for name in LOOKS if chance.random() < 0.6} | {chance.choice([*PATHS])}
    if prose:
        return found | {*PROSE} | ({"a host a copy"} if chance.random() < 0.5 else set())
    return found | ({chance.choice([*HOSTS])} if chance.random() < 0.6 else set())


def pick_original(seed: int, material: Material) -> Original:
    """The message that a seed stands for; no other seed of its block has it while there are enough."""
    block, place = divmod(seed - 1, BLOCK)
    order = list(range(len(material.originals)))
    random.Random(f"block {block}").shuffle(order)
    return material.originals[order[place % len(order)]]


def write_copy(draft: Draft, chance: random.Random) -> Copy:
    """The copy as a message."""
    links = HREF if draft.original.is_html else WRITTEN
    paths = itertools.cycle(draft.paths)

    def target(found: re.Match[str]) -> str:
        quote = found[1] if draft.original.is_html else ""
        return f"{quote}https://{draft.host}.{draft.domain}/{next(paths)}{quote}"

    body = links.sub(target, draft.body)
    recipient = f"{chance.choice(FIRST)}.{chance.choice(LAST)}@company.example".casefold()
    kind = "html" if draft.original.is_html else "plain"
    head = (
        f"From: {draft.sender}\nTo: {recipient}\nSubject: {' '.join(draft.subject.split())}\n"
        f"Message-ID: <{chance.getrandbits(64):x}@{draft.address.partition('@')[2]}>\n"
        f"MIME-Version: 1.0\nContent-Type: text/{kind}; charset=utf-8\nContent-Transfer-Encoding: 8bit"
    )
    client = f"198.18.{chance.randrange(256)}.{chance.randrange(1, 255)}"
    return Copy(mail(head, body), draft.address, client, recipient)


def invented_material() -> Material:
    """Material that nobody sent."""
    chance = random.Random(1)
    words = invented(chance, 600)
    sentences = tuple(f"{' '.join(chance.choices(words, k=12)).capitalize()}." for _ in range(300))
    return Material(tuple(Original(subject, f"{text}\n\nhttps://link.example/", False) for subject, text in TEXTS), sentences)


@cache
def read_material(corpus: Path) -> Material:
    """The real phishing messages that are long enough and unlike each other, and sentences of wanted messages."""
    found: list[Original] = []
    runs: list[set[tuple[str, ...]]] = []
    for _, raw in from_archive(corpus, "mail-phish"):
        said = make_summary(raw)
        mine = runs_of(f"{said.subject} {said.text}")
        telling = {*distinctive_words(f"{said.subject} {said.text}")}
        if (
            said.parsed
            and len(telling) >= FEWEST_WORDS
            and mine
            and not any(len(mine & one) > ALIKE * min(len(mine), len(one)) for one in runs)
        ):
            body = next((one for one in texts_of(parts_of(raw)) if one.is_html), next(iter(texts_of(parts_of(raw)))))
            if len(body.text) <= LONGEST and (HREF if body.is_html else WRITTEN).search(body.text):
                found.append(Original(said.subject, body.text, body.is_html))
                runs.append(mine)
    ham = (make_summary(raw).text for name, raw in from_archive(corpus, "mail-other") if "/ham" in name)
    sentences = dict.fromkeys(" ".join(one.split()) for text in ham for one in CLEAR.findall(text))
    return Material(tuple(found), tuple(sentences))


def runs_of(text: str) -> set[tuple[str, ...]]:
    """Sequences of RUN consecutive words."""
    words = WORDS.findall(text.casefold())
    return {tuple(words[place : place + RUN]) for place in range(len(words) - RUN + 1)}


def share_in_largest(names: Sequence[object]) -> float:
    """Share of a wave that is in its largest group; ungrouped messages count alone."""
    counts = [names.count(one) for one in {*names} - {None}]
    return max(counts, default=min(1, len(names))) / len(names)


SERVICES = {  # what many wanted senders use: how each message of it reads
    "jobs": "A new applicant has answered your advertisement. Number {n} has years of experience and would like to begin in spring.",
    "invoicing": "Please find invoice {n} for last month. The amount is due within thirty days. You can look at it and download it here.",
    "signing": "You have been asked to sign document {n}. Read it, and sign or decline it below. The request ends in two weeks.",
    "calendars": "You are invited to meeting {n}: agenda, minutes of the last time and a plan of the rooms. Answer yes or no.",
    "parcels": "Your parcel {n} arrives tomorrow between ten and noon. You need not do anything. Follow it on its way.",
    "surveys": "How content were you with us? Survey {n} takes two minutes and helps us to become better. Thank you for your time.",
    "tickets": "Your request {n} was answered by our support. Please reply above this line, or close the ticket on the page below.",
    "delivery": "This is the mail system. Message {n} could not be delivered to one of its recipients: the mailbox is full.",
    "away": "Thank you for message {n}. I am out of the office until Monday and will answer when I am back. In urgent cases call us.",
}


def host_of(service: str) -> str:
    """Host of the service's links."""
    return f"app.{service}-service.example"


def write_look_alike(service: str, number: int, chance: random.Random) -> Copy:
    """A wanted message by one of SERVICES, of one of forty senders."""
    address = f"office@customer-{number % 40}.example"
    said = f"{SERVICES[service].format(n=1000 + number)} {''.join(invented(chance, 1)).capitalize()}."
    head = (
        f"From: Office <{address}>\nTo: joe.fern@company.example\nSubject: {service.capitalize()}: your request {number}\n"
        f"Message-ID: <{number}.{chance.getrandbits(40):x}@{service}-service.example>\nX-Mailer: {service} 4.{number}\n"
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8"
    )
    return Copy(
        mail(head, f"{said}\n\nhttps://{host_of(service)}/{service}/{chance.getrandbits(48):x}\n"),
        address,
        "203.0.113.7",
        "joe.fern@company.example",
    )
