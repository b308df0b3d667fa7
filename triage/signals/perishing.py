"""Of how much use a message is still: sign-in codes, links that somebody waits to confirm with, meetings that begin soon."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from triage.content import Summary
from triage.signals.seen import LOOKED_AT, TOGETHER, Seen, Signal, openings

CODE_WORDS = re.compile(
    r"\b(?:verification|security|sign-?in|log-?in|login|one-?time|confirmation|access|authentication|authori[sz]ation|2fa|two-factor)"
    r"[ -](?:code|pin|pass-?code|password)\b|\botp\b|\b(?:your|the) (?:pass)?code (?:is|for)\b"
    r"|(?:bestätigungs|sicherheits|einmal|anmelde|verifizierungs|zugangs)-?(?:code|passwort|kennwort|pin)\b"
    r"|\bcode de (?:vérification|sécurité|confirmation|connexion)\b|\bcódigo de (?:verificación|seguridad|acceso)\b",
    re.IGNORECASE,
)
CODE_OPENINGS = frozenset(["code", "pin", "otp", "pass", "códi", "best", "sich", "einm", "anme", "veri", "zuga"])
CODE = re.compile(r"(?<![\w.,/#-])(?!(?:19|20)\d\d\b)(?:\d{4,8}|\d{3}[ -]\d{3}|[A-Z]{1,3}-\d{4,8}|(?=[A-Z]{0,7}\d)[A-Z0-9]{6,8})(?![\w/-])")
CONFIRM_WORDS = re.compile(
    r"\b(?:confirm|verify|activate|validate) (?:your|the) (?:new )?(?:e-?mail|address|account|registration|subscription|sign-?up)\b"
    r"|\b(?:reset|choose|set) (?:your|a new|the) password\b|\b(?:magic|sign-?in) link\b"
    r"|\bcomplete (?:your|the) (?:registration|sign-?up)\b"
    r"|\byour confirmation is required to (?:join|leave)\b"  # a list
    r"|\bconfirm that you (?:want|would like) to be (?:added|removed|subscribed)\b"
    r"|\bbestätigen sie (?:bitte )?ihre (?:e-?mail|registrierung|anmeldung)|\b(?:passwort|kennwort) zurück(?:zu)?setzen\b"
    r"|\bconfirme[rz] votre (?:adresse|e-?mail|inscription|compte)|\bréinitialise[rz] (?:votre|le) mot de passe\b"
    r"|\bconfirm(?:e|ar|a) (?:su|tu) (?:correo|dirección|cuenta|registro)|\brestablecer (?:su|tu|la) contraseña\b",
    re.IGNORECASE,
)
CONFIRM_OPENINGS = frozenset(
    ["conf", "veri", "acti", "vali", "rese", "choo", "set", "magi", "sign", "comp", "best", "pass", "kenn", "réin", "rest"]
)
TIME = re.compile(
    r"(\d{1,3})[ \u00a0-]?(minutes?|mins?|minuten|minutos?|hours?|hrs?|stunden?|heures?|horas?)\b",
    re.IGNORECASE,
)
TIME_OPENINGS = frozenset(["min", "mins", "minu", "hour", "hr", "hrs", "stun", "heur", "hora"])
LIMITED = re.compile(r"\b(?:within|only|for|in|use it|innerhalb|dans|en|durante)\b", re.IGNORECASE)
EXPIRY_WORDS = re.compile(r"expir|valid|good|works|gültig|läuft|abgelaufen|valable|válido|caduca", re.IGNORECASE)
SENTENCE_END = re.compile(r"[.!?\n]")
PART_OF_NUMBER = frozenset("0123456789.,")
AROUND = 50  # characters before a stated time that say what it is about, and after it
CODE_MINUTES = 10  # when it does not say
LINK_MINUTES = 60  # when it does not say: whoever has just signed up somewhere waits for it
MOST_MINUTES = 240  # a code or link that lasts longer is not perishable
SOON = timedelta(hours=24)  # a meeting that begins later is not


@dataclass(frozen=True, slots=True)
class Life:
    """Of how much use a message is from its arrival on, and because of what: code, link or meeting."""

    minutes: int
    kind: str
    stated: bool  # it says so itself

    @property
    def sentence(self) -> str:
        """In words."""
        return SENTENCES[self.kind, self.stated].format(minutes=self.minutes)


SENTENCES = {
    ("code", True): "It holds a code that is of use for {minutes} minutes only, as it says.",
    ("code", False): "It holds a code; such codes are of use for about {minutes} minutes only.",
    ("link", True): "It holds a link that is of use for {minutes} minutes only, as it says.",
    ("link", False): "Somebody may be waiting for the link in it to confirm something; it does not say how long it lives.",
    ("meeting", True): "It is about a meeting that begins {minutes} minutes after it came.",
}


def life(summary: Summary, received_at: datetime | None = None) -> Life | None:
    """Of how much use the message is, as far as it says so; None when it may wait. `received_at` is needed for meetings."""
    return life_of_words(summary) or until_meeting(summary, received_at)


@lru_cache(maxsize=TOGETHER)  # asked for the signal, for the clock and by the policy
def life_of_words(summary: Summary) -> Life | None:
    """The same of a code or a link, whenever it came."""
    text = f"{summary.subject}\n{summary.text[:LOOKED_AT]}"
    begun = openings(summary)
    code = not begun.isdisjoint(CODE_OPENINGS) and CODE_WORDS.search(text) is not None and CODE.search(text) is not None
    limits = [] if begun.isdisjoint(TIME_OPENINGS) else list(lives(text, code))
    stated = next((minutes for minutes in limits if 0 < minutes <= MOST_MINUTES), None)
    if stated is not None:
        return Life(stated, "code" if code else "link", True)
    if code:
        return Life(CODE_MINUTES, "code", False)
    if not limits and summary.links and not begun.isdisjoint(CONFIRM_OPENINGS) and CONFIRM_WORDS.search(text):
        return Life(LINK_MINUTES, "link", False)
    return None


def perishable_minutes(summary: Summary, received_at: datetime | None = None) -> int | None:
    """In how many minutes the message is of no more use; None when it may wait."""
    found = life(summary, received_at)
    return found.minutes if found else None


def lives(text: str, code: bool) -> Iterable[int]:
    """Every time that the text states as a limit, in minutes. With a code in it, "for 5 minutes" is one."""
    for found in TIME.finditer(text):
        start = found.start()
        before = SENTENCE_END.split(text[max(0, start - AROUND) : start])[-1]
        after = SENTENCE_END.split(text[found.end() : found.end() + AROUND], maxsplit=1)[0]
        expires = EXPIRY_WORDS.search(before) or EXPIRY_WORDS.search(after)
        if text[start - 1 : start] not in PART_OF_NUMBER and (expires or (code and LIMITED.search(before))):
            yield int(found[1]) * (1 if found[2][0] in "mM" else 60)


def until_meeting(summary: Summary, received_at: datetime | None) -> Life | None:
    """A meeting that begins soon."""
    if received_at is None or not summary.calendar_starts or summary.calendar_method not in ("request", "cancel", "counter"):
        return None
    ahead = datetime.fromisoformat(summary.calendar_starts) - received_at
    return Life(max(1, round(ahead.total_seconds() / 60)), "meeting", True) if timedelta() < ahead <= SOON else None


def perishable(seen: Seen) -> Iterable[Signal]:
    """It is of no use when it waits."""
    if found := life(seen.summary, seen.now):
        yield Signal("perishable", found.sentence, 0, (f"{found.minutes} minutes", found.kind))
