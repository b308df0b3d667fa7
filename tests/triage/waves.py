"""Waves for tests and benchmarks: one message sent many times, each copy changed by a stated level. Nobody sent any of it."""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from tests.triage.messages import mail

LEVELS = (
    "name, number and link token of each recipient",
    "and another sender",
    "and another greeting and another subject number",
    "and wrapped anew, as HTML or as text",
    "and 10 % of the words replaced",
)
FIRST = (
    *("Ida", "Mara", "Joe", "Ines", "Ana", "Ben", "Otto", "Rosa", "Piotr", "Jonas"),
    *("Maria", "Karl", "Lena", "Tom", "Eva", "Nils", "Paula", "Hugo", "Sofia", "Emil"),
    *("Greta", "Luis", "Clara", "Max"),
)
LAST = (
    *("Lind", "Berg", "Fern", "Old", "Roth", "Okafor", "Weiss", "Dahl", "Sato", "Holm"),
    *("Kern", "Vogel", "Marsh", "Stein", "Costa", "Novak", "Brandt", "Moreau", "Ortega", "Lang"),
)
HOSTS = (*("portal-check", "secure-desk", "mail-notice", "parcel-info", "docs-share", "account-help", "billing-view", "signin-now"),)
GREETINGS = ("Dear {name},", "Hello {name},", "Hi {first},", "Dear customer,", "Good morning {name},", "Attention {name}:")


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy of a wave, as it comes in."""

    raw: bytes
    author: str
    recipient: str
    level: int


def wave(number: int, text: str, subject: str, copies: int, chance: random.Random, levels: Sequence[int] = range(5)) -> Iterator[Copy]:
    """Copies of one text, their levels taken in turn."""
    vocabulary = invented(chance, 400)
    for place in range(copies):
        yield copy(number, text, subject, levels[place % len(levels)], chance, vocabulary)


def copy(number: int, text: str, subject: str, level: int, chance: random.Random, vocabulary: Sequence[str]) -> Copy:
    """Makes a copy of the wave at a level of disguise."""
    first, last = chance.choice(FIRST), chance.choice(LAST)
    recipient = f"{first}.{last}@company.example".casefold()
    host, token = chance.choice(HOSTS) if level >= 1 else HOSTS[number % len(HOSTS)], f"{chance.getrandbits(64):016x}"
    author = f"{chance.choice(FIRST)}{chance.randrange(90)}@{host}.example".casefold() if level >= 1 else f"service@{host}.example"
    greeting = (chance.choice(GREETINGS) if level >= 2 else GREETINGS[0]).format(name=f"{first} {last}", first=first)
    said = replaced(text, 0.10, chance, vocabulary) if level >= 4 else text
    link = f"https://{host}.example/confirm/{token}?user={recipient}"
    body = f"{greeting}\n\n{said}\n\n{link}\n\nReference {chance.randrange(10**6)}\n"
    shown = f"{subject} {chance.randrange(10**4)}" if level >= 2 else subject
    head = f"From: {first} Desk <{author}>\nTo: {first} {last} <{recipient}>\nSubject: {shown}\nMIME-Version: 1.0"
    if level >= 3 and chance.random() < 0.5:
        return Copy(mail(f"{head}\nContent-Type: text/html; charset=utf-8", as_html(body, link, chance)), author, recipient, level)
    wrapped = rewrapped(body, chance.randrange(50, 90)) if level >= 3 else body
    return Copy(mail(f"{head}\nContent-Type: text/plain; charset=utf-8", wrapped), author, recipient, level)


def replaced(text: str, share: float, chance: random.Random, vocabulary: Sequence[str]) -> str:
    """The text with so many of its words replaced by others."""
    pieces = re.split(r"(\w+)", text)
    places = [place for place, piece in enumerate(pieces) if piece.isalpha()]
    for place in chance.sample(places, round(len(places) * share)):
        pieces[place] = chance.choice(vocabulary)
    return "".join(pieces)


def rewrapped(text: str, width: int) -> str:
    """The same words in lines of another length."""
    lines: list[str] = [""]
    for word in re.split(r"(\s+)", text):
        if "\n" in word:
            lines.append("")
        elif len(lines[-1]) + len(word) > width and word.strip():
            lines.append(word)
        else:
            lines[-1] += word
    return "\n".join(lines)


def as_html(text: str, link: str, chance: random.Random) -> str:
    """The same words as a page."""
    tag = chance.choice(("p", "div", "td"))
    blocks = "".join(f"<{tag}>{escape(block)}</{tag}>" for block in text.replace(link, "").split("\n\n"))
    return f'<html><body style="color:#{chance.getrandbits(24):06x}">{blocks}<a href="{link}">Open</a></body></html>'


def invented(chance: random.Random, count: int) -> list[str]:
    """Words that do not exist."""
    return ["".join(chance.choice("bdfgklmnprstvz") + chance.choice("aeiou") for _ in range(chance.randrange(2, 5))) for _ in range(count)]


TEXTS = (
    (
        "Your password expires",
        "the password of your mailbox runs out this evening. After that incoming messages are returned to their senders and "
        "your calendar is locked. Keep your present password by signing in once more on the page below.",
    ),
    (
        "Parcel waiting",
        "your parcel could not be handed over because the address was incomplete. A customs charge is still open. Settle the "
        "charge and choose a new delivery slot within two days, otherwise the depot returns the shipment to its origin.",
    ),
    (
        "Are you at your desk",
        "I am in a conference and cannot talk. I need you to take care of a discreet purchase for a client today. Reply with "
        "your mobile number so that I can send the details.",
    ),
    (
        "Unbezahlte Rechnung",
        "trotz unserer Erinnerung ist die beigefügte Rechnung noch offen. Wir bitten Sie, den Betrag umgehend auf das neue "
        "Konto zu überweisen. Die geänderte Bankverbindung finden Sie auf der folgenden Seite. Bei Rückfragen hilft Ihnen "
        "unsere Buchhaltung.",
    ),
    (
        "Document partagé avec vous",
        "un document confidentiel concernant votre salaire vient d'être déposé dans l'espace sécurisé. Ouvrez-le avant ce soir "
        "pour valider la répartition des primes, puis signez la page de garde électroniquement.",
    ),
    (
        "Aviso de la agencia",
        "hemos detectado una irregularidad en su declaración trimestral. Para evitar una sanción debe revisar los importes "
        "pendientes y confirmar su cuenta bancaria en el formulario del portal tributario durante las próximas horas.",
    ),
    (
        "Voice note received",
        "a caller left you a voice note while you were away. The recording lasts under a minute and is stored for three days. "
        "Listen to the recording in the player of the unified communications desk.",
    ),
    (
        "Shared folder: quarterly bonus",
        "the human resources department has shared the folder with the quarterly bonus figures. Each employee has to "
        "acknowledge the new allocation scheme. Sign in with your work account, read the scheme and acknowledge it. Whoever "
        "does not acknowledge it by Friday is treated as having declined, and the payment moves to the following quarter. "
        "Questions are answered by the compensation helpdesk, which is reachable during office hours only.",
    ),
)
