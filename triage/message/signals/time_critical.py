"""Time-limited messages: sign-in codes, links to confirm something with, meetings that begin soon; and whose deadline counts."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from unicodedata import category, normalize

from triage.message.mime.links import display_host, is_related_host, link_destination, registered_organisation
from triage.message.signals.signal_context import LOOKED_AT, TOGETHER, Seen, Signal, word_openings
from triage.message.summary import Summary
from triage.say import mark, say, say_count

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
NUMBERS = {
    **dict.fromkeys(("a", "an", "one", "ein", "eine", "einer", "einem", "un", "une", "una"), 1),
    **{word: number for number, word in enumerate(("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), 2)},
    **{word: number for number, word in enumerate(("zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn"), 2)},
    "fifteen": 15,
    "twenty": 20,
    "thirty": 30,
    "fünfzehn": 15,
    "zwanzig": 20,
    "dreißig": 30,
}
TIME = re.compile(
    rf"(\d{{1,3}}|\b(?:{'|'.join(NUMBERS)}))[ \u00a0-]?(minutes?|mins?|minuten?|minutos?|hours?|hrs?|stunden?|heures?|horas?)\b",
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
LINKS = 40  # of a message
WEB = frozenset({"http", "https"})
MOST_MINUTES = 240  # a code or link that lasts longer is not time-limited
SOON = timedelta(hours=24)  # a meeting that begins later is not
ADDRESS = re.compile(r"\S*(?:@|://|[^\W_]\.[^\W_])\S*")  # of a page, a host or a person
WORD = re.compile(r"[^\W_]+")
NOBODY = (
    "no reply noreply notification notifications info mail mailer service services support security account accounts team alert alerts"
    " sales billing help desk helpdesk customer care kundenservice admin postmaster sicherheit konto benachrichtigung"
    " code codes login sign in verification verify your the"
)
ANYBODY = frozenset(NOBODY.split())  # words of a display name that name nobody
LONGEST_NAME = 5  # words that a domain is made of


@dataclass(frozen=True, slots=True)
class Life:
    """Time for which a message is of use from its arrival on, and the reason: code, link or meeting."""

    minutes: int
    kind: str
    stated: bool  # it says so itself; else it is what is usual

    @property
    def sentence(self) -> str:
        """Lifetime in words."""
        return say(SENTENCES[self.kind, self.stated], time=spell_minutes(self.minutes))


SENTENCES = {
    ("code", True): mark("Contains a code that expires in {time} (stated in the message)."),
    ("code", False): mark("Contains a code. Such codes are usually valid for {time}."),
    ("link", True): mark("Contains a link that expires in {time} (stated in the message)."),
    ("link", False): mark("Contains a link to confirm something. Such links are usually valid for {time}."),
    ("meeting", True): mark("Is about a meeting that begins {time} after the message arrived."),
}


def spell_minutes(minutes: int) -> str:
    """A time in words: "1 minute", "1 hour", "90 minutes", "2 hours"."""
    if minutes % 60 == 0:
        return say_count("{count} hour", "{count} hours", count=minutes // 60)
    return say_count("{count} minute", "{count} minutes", count=minutes)


def find_deadline(summary: Summary, received_at: datetime | None = None) -> Life | None:
    """Returns how long a message is of use, where its author's domain fits what it says; whether that domain is verified is checked
    elsewhere.

    Phishing creates time pressure too, and passes DMARC for a domain of its own.
    """
    found = find_lifetime(summary, received_at)
    return found if found and (found.kind == "meeting" or fits_its_domain(summary)) else None


def fits_its_domain(summary: Summary, *, with_words: bool = False) -> bool:
    """Whether a message is from the domain that it names, in the sender's name or else in its words.

    If it has links, one has to lead there. `with_words`: its words count beside the name, as a person's; addresses in them do not.
    """
    domain = summary.author.rpartition("@")[2]
    named = [word for word in words_of(summary.author_name) if word not in ANYBODY]
    words = f"{summary.subject} {summary.text[:LOOKED_AT]}"
    said = [*named, *words_of(ADDRESS.sub(" ", words))] if with_words else named or words_of(words)
    hosts = [to.host for to in (link_destination(link.target) for link in summary.links[:LINKS]) if to.host and to.scheme in WEB]
    return is_named(domain, said) and (not hosts or any(is_related_host(host, domain) for host in hosts))


def is_named(domain: str, words: list[str]) -> bool:
    """Do some of these words, one after the other, make the name of a domain: "Harbour Bank" that of harbour-bank.example?"""
    name = "".join(words_of(display_host(registered_organisation(domain)).partition(".")[0])) if domain else ""
    runs = {"".join(words[start:end]) for start in range(len(words)) for end in range(start + 1, start + 1 + LONGEST_NAME)}
    return bool(name) and (name in runs or name in {without_accents(run) for run in runs})


def words_of(text: str) -> list[str]:
    """The words of a text, folded. Letters that only look alike stay different: a domain that imitates another does not fit its name."""
    return WORD.findall(text.casefold())


def without_accents(word: str) -> str:
    """Returns a word as a domain without accents would spell it."""
    return "".join(letter for letter in normalize("NFKD", word) if category(letter) != "Mn")


def find_lifetime(summary: Summary, received_at: datetime | None = None) -> Life | None:
    """Returns how long the message is of use, as far as it says so; None when it may wait. `received_at` is needed for meetings."""
    return life_of_words(summary) or until_meeting(summary, received_at)


@lru_cache(maxsize=TOGETHER)  # asked for the signal, for the clock and by the policy
def life_of_words(summary: Summary) -> Life | None:
    """The same of a code or a link, whenever it came."""
    text = f"{summary.subject}\n{summary.text[:LOOKED_AT]}"
    begun = word_openings(summary)
    code = not begun.isdisjoint(CODE_OPENINGS) and CODE_WORDS.search(text) is not None and CODE.search(text) is not None
    limits = [] if begun.isdisjoint(TIME_OPENINGS) else list(find_lifetimes(text, code))
    stated = next((minutes for minutes in limits if 0 < minutes <= MOST_MINUTES), None)
    if stated is not None:
        return Life(stated, "code" if code else "link", True)
    if code:
        return Life(CODE_MINUTES, "code", False)
    if not limits and summary.links and not begun.isdisjoint(CONFIRM_OPENINGS) and CONFIRM_WORDS.search(text):
        return Life(LINK_MINUTES, "link", False)
    return None


def find_lifetimes(text: str, code: bool) -> Iterable[int]:
    """Finds the limits of time that the text states, in minutes. With a code in it, "for 5 minutes" is one."""
    for found in TIME.finditer(text):
        start = found.start()
        before = SENTENCE_END.split(text[max(0, start - AROUND) : start])[-1]
        after = SENTENCE_END.split(text[found.end() : found.end() + AROUND], maxsplit=1)[0]
        expires = EXPIRY_WORDS.search(before) or EXPIRY_WORDS.search(after)
        if text[start - 1 : start] not in PART_OF_NUMBER and (expires or (code and LIMITED.search(before))):
            number = NUMBERS.get(found[1].casefold()) or int(found[1])
            yield number * (1 if found[2][0] in "mM" else 60)


def until_meeting(summary: Summary, received_at: datetime | None) -> Life | None:
    """A meeting that begins soon."""
    if received_at is None or not summary.calendar_starts or summary.calendar_method not in ("request", "cancel", "counter"):
        return None
    ahead = datetime.fromisoformat(summary.calendar_starts) - received_at
    return Life(max(1, round(ahead.total_seconds() / 60)), "meeting", True) if timedelta() < ahead <= SOON else None


def find_time_limit(seen: Seen) -> Iterable[Signal]:
    """Yields a signal when the message is of use for a short time only."""
    if found := find_lifetime(seen.summary, seen.now):
        yield Signal("time-limited", found.sentence, 0, (spell_minutes(found.minutes), found.kind))
