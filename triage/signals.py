"""What a trained eye wants to know about a message: each a name and a sentence."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

from triage import links
from triage.authentication import Authentication, Result
from triage.authors import loose_addresses
from triage.content import Summary
from triage.links import organisation, related, skeleton, written
from triage.mailing_lists import rewritten
from triage.visible import has_escapes


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing worth knowing. `weight` 0-100 orders the queue and is never a verdict."""

    name: str
    sentence: str
    weight: int = 0

    def as_json(self) -> dict[str, Any]:
        """Plain values for the database and the API."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the rules look at."""

    summary: Summary
    authentication: Authentication
    own_domains: frozenset[str]
    people: Mapping[str, str]
    first_contact: bool
    now: datetime
    listed: str = ""

    @property
    def author_domain(self) -> str:
        """Of the one author, "" without one."""
        return self.summary.author.rpartition("@")[2]

    def is_ours(self, host: str) -> bool:
        """Is this one of our own domains, or below one?"""
        return any(host == own or host.endswith("." + own) for own in self.own_domains)


SKIPPED = re.compile(r"\([^)]*\)|\[[^\]]*\]|[\"'`.,]")
RUNS_WHEN_OPENED = re.compile(
    r"\.(?:exe|scr|com|pif|bat|cmd|js|jse|vbs|vbe|wsf|wsh|hta|msi|ps1|lnk|jar|reg|cpl|dll|iso|img|vhdx?|appx?|msix|scf|url|chm|one|xll)$",
    re.IGNORECASE,
)
HOLDS_MACROS = re.compile(r"\.(?:docm|dotm|xlsm|xltm|xlsb|xlam|pptm|potm|ppam|sldm)$", re.IGNORECASE)
OPENS_A_PAGE = re.compile(r"\.(?:html?|shtml|xhtml|svgz?|mhtml?)$", re.IGNORECASE)
DOUBLE_ENDING = re.compile(r"\.(?:pdf|docx?|xlsx?|pptx?|txt|rtf|csv|jpe?g|png|gif|mp[34]|zip)[\s._-]*\.[a-z0-9]{2,5}$", re.IGNORECASE)
PACKED_AGAIN = re.compile(r"\.(?:gz|bz2|xz|zst|zip|7z|asc|sig|gpg|p7[ms])$", re.IGNORECASE)
CODE_WORDS = re.compile(
    r"\b(?:verification|security|sign-?in|log-?in|login|one-?time|confirmation|access|authentication|authori[sz]ation|2fa|two-factor)"
    r"[ -](?:code|pin|pass-?code|password)\b|\botp\b|\b(?:your|the) (?:pass)?code (?:is|for)\b"
    r"|(?:bestätigungs|sicherheits|einmal|anmelde|verifizierungs|zugangs)-?(?:code|passwort|kennwort|pin)\b"
    r"|\bcode de (?:vérification|sécurité|confirmation|connexion)\b|\bcódigo de (?:verificación|seguridad|acceso)\b",
    re.IGNORECASE,
)
CODE = re.compile(r"(?<![\w.,/#-])(?!(?:19|20)\d\d\b)(?:\d{4,8}|\d{3}[ -]\d{3}|[A-Z]{1,3}-\d{4,8}|(?=[A-Z]{0,7}\d)[A-Z0-9]{6,8})(?![\w/-])")
SHORT_TIME = re.compile(
    r"(?:expires?|expiring|valid|good|works|within|only|for|in|use it|gültig|läuft|abgelaufen|expire|valable|válido|caduca)"
    r"[^.!?\n\d]{0,40}\b(\d{1,3})[ \u00a0-]?(minutes?|mins?|minuten|minutos?|hours?|hrs?|stunden?|heures?|horas?)\b",
    re.IGNORECASE,
)
EXPIRY_WORDS = re.compile(r"expir|valid|gültig|läuft|abgelaufen|valable|válido|caduca", re.IGNORECASE)
CODE_MINUTES = 10  # when it does not say
MOST_MINUTES = 240  # what lasts longer is not perishable
LOOKED_AT = 8_000  # characters of the text: a code stands near the top
FULL_WEIGHT = 100
LONG_ENOUGH = 5  # letters of a name from which on one letter off is a likeness
VERY_LONG = 10
TELLING = 4  # letters of a name from which on it means us when it stands within another
LINK_WEIGHT = {"link-differs": 35, "link-hides-host": 35, "link-to-number": 30, "link-foreign-letters": 20, "link-odd": 25}


def signals(
    summary: Summary,
    authentication: Authentication,
    *,
    own_domains: Iterable[str],
    people: Mapping[str, str],
    first_contact: bool,
    now: datetime,
    listed: str = "",
) -> tuple[Signal, ...]:
    """Everything worth knowing about a message, the heaviest first.

    `people`: folded full name -> mailbox of those whose names are worth imitating. `first_contact`: nobody here had mail from
    this author before. `listed`: who lists the client as bad.
    """
    seen = Seen(summary, authentication, frozenset(own_domains), people, first_contact, now, listed)
    found = [signal for rule in RULES for signal in rule(seen)]
    return tuple(sorted(found, key=lambda signal: -signal.weight))


def weight(signals: Iterable[Signal]) -> int:
    """The weights added up, at most 100. Orders the queue."""
    return min(FULL_WEIGHT, sum(signal.weight for signal in signals))


@lru_cache(maxsize=4)  # asked for the signal and for the clock
def perishable_minutes(summary: Summary) -> int | None:
    """In how many minutes the message is of no more use, as far as it says so: sign-in codes and links that expire soon."""
    text = f"{summary.subject}\n{summary.text[:LOOKED_AT]}"
    code = CODE.search(text) is not None and CODE_WORDS.search(text) is not None
    for found in SHORT_TIME.finditer(text):
        minutes = int(found[1]) * (1 if found[2].casefold().startswith("m") else 60)
        if 0 < minutes <= MOST_MINUTES and (code or EXPIRY_WORDS.search(found[0])):
            return minutes
    return CODE_MINUTES if code else None


def unreadable(seen: Seen) -> Iterable[Signal]:
    """It went past a limit, or its parser did."""
    if not seen.summary.parsed:
        yield Signal("unreadable", "It could not be read safely; look at it with care.", 40)


def unclear_author(seen: Seen) -> Iterable[Signal]:
    """It names nobody, several people, or somebody in a way that programs read differently."""
    if not seen.summary.author:
        yield Signal("unclear-author", "It does not say clearly who wrote it.", 30)


def stranger(seen: Seen) -> Iterable[Signal]:
    """Nobody here had mail from this author before."""
    if seen.first_contact and seen.summary.author:
        yield Signal("first-contact", f"Nobody here has had mail from {seen.summary.author} before.", 10)


def forged_own_domain(seen: Seen) -> Iterable[Signal]:
    """It came from outside in our own name and cannot prove it."""
    claimed = next((one for one in seen.summary.authors if seen.is_ours(one.rpartition("@")[2])), None)
    if claimed and not seen.authentication.proof:
        yield Signal("own-domain-forged", f"It claims to come from us ({claimed}) and cannot prove it.", 60)


def borrowed_name(seen: Seen) -> Iterable[Signal]:
    """The display name is one of ours, the address is not."""
    post = rewritten(seen.summary)
    shown = post.name if post else seen.summary.author_name
    name = plain_name(shown)
    mailbox = plain_names(seen.people).get(name) if name else None
    address = seen.summary.author or next(iter(seen.summary.authors), "")
    if mailbox and address != mailbox and not seen.is_ours(address.rpartition("@")[2]):
        yield Signal("name-of-ours", f"The name is one of ours ({shown}), but the address is outside: {address}.", 45)


def address_in_name(seen: Seen) -> Iterable[Signal]:
    """The display name shows an address of somebody else."""
    author = seen.author_domain
    for address in loose_addresses(seen.summary.author_name)[:1]:
        domain = address.rpartition("@")[2]
        if author and "." in domain and not related(domain, author):
            yield Signal("address-in-name", f"The name shows the address {address}, but it is from {seen.summary.author}.", 40)


def lookalike_domain(seen: Seen) -> Iterable[Signal]:
    """The author's domain could be taken for one of ours."""
    for domain in dict.fromkeys(one.rpartition("@")[2] for one in (*seen.summary.authors, *seen.summary.reply_to)):
        own = next((own for own in sorted(seen.own_domains) if looks_like(domain, own)), None)
        if own and not seen.is_ours(domain):
            yield Signal("look-alike-domain", f"The domain {written(domain)} looks like our {own}, but is not ours.", 50)
            return


def foreign_letters(seen: Seen) -> Iterable[Signal]:
    """The author's domain is written with letters that could deceive."""
    if "xn--" in seen.author_domain:
        yield Signal("foreign-letters", links.host_deceptions(seen.author_domain)[0].sentence, 20)


def reply_elsewhere(seen: Seen) -> Iterable[Signal]:
    """Answers go to somebody else than the author. Mailing lists do that lawfully."""
    author, list_id, post = seen.author_domain, seen.summary.list_id, rewritten(seen.summary)
    for address in seen.summary.reply_to:
        domain = address.rpartition("@")[2]
        if post and address == post.address:
            continue  # said by through_a_list
        if author and not related(domain, author) and not (list_id and related(domain, list_id)):
            yield Signal("reply-elsewhere", f"An answer would go to {address}, not to the sender.", 20)
            return


def through_a_list(seen: Seen) -> Iterable[Signal]:
    """A list has put its own address in place of the author's."""
    if post := rewritten(seen.summary):
        address = f" ({post.address})" if post.address not in ("", post.author) else ""
        who = f"{post.author or 'Somebody'}{address}"
        yield Signal("through-a-list", f"{who} wrote it, says the list {post.list_id}, which sends it in its own name.", 5)


def unproven(seen: Seen) -> Iterable[Signal]:
    """What the authentication found out, unless the author is proven."""
    found, domain = seen.authentication, seen.author_domain
    if found.proof or not domain:
        return
    if found.unknown:
        yield Signal("proof-unknown", f"It is not known whether it is from {domain}: the sender's DNS did not answer.", 15)
    elif found.dmarc.result in (Result.FAIL, Result.PERMERROR):
        yield Signal("authentication-failed", f"The check whether it is really from {domain} failed.", 30)
    elif any(spf.result in (Result.FAIL, Result.SOFTFAIL) for spf in found.spf[:1]):
        yield Signal("authentication-failed", f"It was sent from a machine that {domain} does not know.", 25)
    else:
        yield Signal("unproven", f"It cannot prove that it is from {domain}.", 10)


def listed_client(seen: Seen) -> Iterable[Signal]:
    """Somebody whom the company asks lists the client as bad."""
    if seen.listed:
        yield Signal("listed-client", f"{seen.listed[0].upper()}{seen.listed[1:]}.", 40)


def deceiving_links(seen: Seen) -> Iterable[Signal]:
    """Links that open something else than they show, or hide what they open. One signal for each kind."""
    kinds: dict[str, dict[str, None]] = {}
    for link in seen.summary.links:
        for deception in links.deceptions(link.text, link.target):
            kinds.setdefault(deception.kind, {})[deception.sentence] = None
    for kind, sentences in kinds.items():
        others = f" {len(sentences) - 1} more links are like it." if len(sentences) > 1 else ""
        yield Signal(kind, f"A link: {next(iter(sentences))}{others}", LINK_WEIGHT[kind])


def dangerous_attachments(seen: Seen) -> Iterable[Signal]:
    """Attachments that run, or that look like something else. The heaviest one speaks."""
    found = [signal for one in seen.summary.attachments if (signal := attachment_signal(one.name))]
    if found:
        yield max(found, key=lambda signal: signal.weight)


def attachment_signal(name: str) -> Signal | None:
    """What is dangerous about a file of this name, if anything."""
    stripped = name.rstrip(" .")
    if has_escapes(name):
        return Signal("attachment-disguised", f"The attachment {name} hides characters in its name.", 45)
    if DOUBLE_ENDING.search(stripped) and not PACKED_AGAIN.search(stripped):
        return Signal("attachment-disguised", f"The attachment {name} pretends to be another kind of file.", 45)
    if RUNS_WHEN_OPENED.search(stripped):
        return Signal("attachment-runs", f"The attachment {name} could run a program when opened.", 40)
    if HOLDS_MACROS.search(stripped):
        return Signal("attachment-macros", f"The attachment {name} can hold macros, which are programs.", 25)
    if OPENS_A_PAGE.search(stripped):
        return Signal("attachment-page", f"The attachment {name} opens a web page of the sender's making.", 20)
    return None


def hidden_characters(seen: Seen) -> Iterable[Signal]:
    """Control or invisible characters where a reader looks for the truth."""
    summary = seen.summary
    if has_escapes(summary.author_name) or has_escapes(summary.subject):
        yield Signal("hidden-characters", "It hides invisible characters in the sender's name or in the subject.", 30)


def wrong_date(seen: Seen) -> Iterable[Signal]:
    """It says it was written at another time than it came."""
    try:
        written_at = parsedate_to_datetime(seen.summary.date)
        early = seen.now - (written_at if written_at.tzinfo else written_at.replace(tzinfo=UTC))
    except (ValueError, TypeError, IndexError, OverflowError):
        return
    if not -timedelta(days=2) < early < timedelta(days=30):
        yield Signal("wrong-date", f"It says it was written on {written_at:%d %b %Y}.", 10)


def perishable(seen: Seen) -> Iterable[Signal]:
    """It is of no use when it waits."""
    minutes = perishable_minutes(seen.summary)
    if minutes is not None:
        yield Signal("perishable", f"It seems to be of use for about {minutes} minutes only.", 0)


RULES: tuple[Callable[[Seen], Iterable[Signal]], ...] = (
    unreadable,
    unclear_author,
    forged_own_domain,
    borrowed_name,
    address_in_name,
    lookalike_domain,
    foreign_letters,
    reply_elsewhere,
    through_a_list,
    unproven,
    listed_client,
    deceiving_links,
    dangerous_attachments,
    hidden_characters,
    wrong_date,
    stranger,
    perishable,
)


def plain_name(name: str) -> str:
    """A person's name as a hasty eye reads it: "Dahl, Rosa (via Mail)" and "R\u043esa Dahl" are rosa dahl."""
    last, comma, first = name.partition(",")
    ordered = f"{first} {last}" if comma else name
    return " ".join(skeleton(SKIPPED.sub(" ", ordered)).split())


_plain_names: tuple[Mapping[str, str], dict[str, str]] = ({}, {})


def plain_names(people: Mapping[str, str]) -> dict[str, str]:
    """`people` by plain name. Remembered for the last mapping: the judge asks with the same one for every message."""
    global _plain_names
    known, plain = _plain_names
    if known is not people:
        plain = {plain_name(name): mailbox for name, mailbox in people.items()}
        _plain_names = (people, plain)
    return plain


def looks_like(domain: str, own: str) -> bool:
    """Could somebody in a hurry take `domain` for our own one? The same letters, a letter off, another ending, or our name with more."""
    theirs, ours = skeleton(written(organisation(domain))), skeleton(written(organisation(own)))
    if not domain or organisation(domain) == organisation(own):
        return False
    their_name, our_name = theirs.partition(".")[0], ours.partition(".")[0]
    if squeezed(theirs) == squeezed(ours) or squeezed(their_name) == squeezed(our_name):
        return True
    if len(our_name) >= TELLING and own_name_within(skeleton(written(domain)), our_name):
        return True
    allowed = 0 if len(our_name) < LONG_ENOUGH else 1 if len(our_name) < VERY_LONG else 2
    return 0 < distance(their_name, our_name, allowed) <= allowed


def own_name_within(domain: str, our_name: str) -> bool:
    """Is our name a word of another domain, as in our-name-support.example or our-name.example.evil.example?"""
    return our_name in re.split(r"[.-]", domain) or ("-" in our_name and our_name in domain)


def squeezed(name: str) -> str:
    """The name with letter pairs that look like one letter as that letter, without hyphens."""
    return name.replace("rn", "m").replace("vv", "w").replace("cl", "d").replace("-", "").replace("l", "i")


def distance(one: str, other: str, most: int) -> int:
    """How many letters were added, left out, changed or swapped with their neighbour; more than `most` may be any larger number."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        earlier, before, row = before, row, [i]
        for j, counterpart in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != counterpart))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == counterpart:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
    return row[-1]
