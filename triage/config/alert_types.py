"""Types of alerts and notices to staff: each cause with its words. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from triage.say import Said, format_minute, join_parts, say, say_count

WAITING, TIME_LIMITED, EXPIRING, UNSEEN, REQUESTED = "waiting", "time-limited", "expiring", "unseen", "requested"  # of a folder
BRAKE, QUEUE, EMERGENCY, REMOVAL, BREAK_GLASS, OWNERS = (
    "brake",
    "outgoing",
    "emergency",
    "removal",
    "break-glass",
    "owners",
)  # of the company
FLOODED = "mail-bomb"  # of a folder
SUSPICIOUS_DELIVERED, FUSE, UNLIKE, BRAKED = (
    "suspicious-delivered",
    "fuse",
    "known-sender",
    "many-recipients",
)  # of a folder, and of the company
DIFFERS, HUNT = "sends-differently", "hunt"  # of the company
OF_FOLDERS = (WAITING, TIME_LIMITED, EXPIRING, UNSEEN, REQUESTED, SUSPICIOUS_DELIVERED, FLOODED)
OF_COMPANY = (BRAKE, QUEUE, EMERGENCY, REMOVAL, BREAK_GLASS, OWNERS, FUSE, UNLIKE, DIFFERS, BRAKED, HUNT)
CAUSES = (*OF_FOLDERS, *OF_COMPANY)
NAMES_BEFORE = {"perishable": TIME_LIMITED, "queue": QUEUE, "let-in": SUSPICIOUS_DELIVERED}  # of causes in audit entries before 0.1.0
COMES_ANEW = frozenset(
    {TIME_LIMITED, REQUESTED, SUSPICIOUS_DELIVERED, UNLIKE, DIFFERS, BRAKED}
)  # of which more is as good a reason as the first
# of which everybody is told again every day: nobody joins or leaves, nothing expires, nothing is checked meanwhile
LASTS = frozenset({BRAKE, UNSEEN, OWNERS, FUSE, BRAKED})
EACH = frozenset({REMOVAL, BREAK_GLASS, HUNT})  # of which every one is told by itself, at once and once
PERSON = "person:"  # before a uid, where a setting names departments otherwise
HARDLY_WANTED = 30  # urgency: what lies below has no target
SOON = timedelta(minutes=5)  # how long it is quiet after one of those
AUTO, OFF = "auto", "off"  # of the time of the daily digest: from the first enforcement on, never
CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)
TITLES = {
    WAITING: say("Messages are held for longer than planned"),
    TIME_LIMITED: say("Time-limited messages are held"),
    EXPIRING: say("Held messages expire within a day"),
    UNSEEN: say("Held messages cannot expire"),
    REQUESTED: say("An employee requests a message"),
    BRAKE: say("The new directory was refused"),
    QUEUE: say("Messages are not delivered"),
    EMERGENCY: say("Everything is delivered"),
    REMOVAL: say("Many messages were removed"),
    BREAK_GLASS: say("A break-glass account was opened"),
    OWNERS: say("Addresses would change owners"),
    SUSPICIOUS_DELIVERED: say("Suspicious messages were delivered"),
    FLOODED: say("A mail bomb is held"),
    FUSE: say("A check of known senders only reports"),
    UNLIKE: say("Many messages of one known sender are held"),
    DIFFERS: say("A known sender sends differently"),
    HUNT: say("Somebody is searching all mailboxes"),
    BRAKED: say("An employee's account wrote to many new recipients"),
}


@dataclass(frozen=True, slots=True)
class Wait:
    """Messages of one folder that cause an alert, or a cause in the company where `department` is ""."""

    cause: str
    department: str
    person: str
    number: int = 0  # messages
    since: datetime | None = None  # waiting: when the first one came; time-limited, expiring, unseen: when the first one ends
    newest: int = 0  # id of the newest of them
    words: str = ""  # of the company


def alert_sentence(cause: str, waits: list[Wait], name: str, zone: str) -> str:
    """Returns the sentence of an alert for a department (its name), or for the company. No word of a sender is in it."""
    if cause in OF_COMPANY:
        return join_parts(" ", (one.words for one in waits)) if cause in EACH else waits[0].words
    number, people = sum(one.number for one in waits), len(waits)
    moments = [one.since for one in waits if one.since]
    since = format_minute(min(moments).astimezone(ZoneInfo(zone)), year=False) if moments else ""
    whose = say(" for {people} people", people=people) if people > 1 else ""
    return say("{department}: {words}", department=name, words=folder_alert_sentence(cause, number, since, whose))


def folder_alert_sentence(cause: str, number: int, since: str, whose: str) -> Said:
    """Describes a cause with so many messages. `since`: since or until when; `whose`: for how many people, or ""."""
    given: dict[str, Any] = {"count": number, "since": since, "whose": whose}
    if cause == WAITING:
        return say_count(
            "{count} message{whose} is held, the oldest since {since}.",
            "{count} messages{whose} are held, the oldest since {since}.",
            **given,
        )
    if cause == TIME_LIMITED:
        return say_count(
            "{count} message{whose} is time-limited; the first stops working on {since}.",
            "{count} messages{whose} are time-limited; the first stops working on {since}.",
            **given,
        )
    if cause == EXPIRING:
        return say_count(
            "{count} message{whose} expires, the first on {since}.", "{count} messages{whose} expire, the first on {since}.", **given
        )
    if cause == SUSPICIOUS_DELIVERED:
        return say_count(
            "{count} delivered message{whose} looks suspicious, the first from {since}. Search for is:delivered risk:suspicious.",
            "{count} delivered messages{whose} look suspicious, the first from {since}. Search for is:delivered risk:suspicious.",
            **given,
        )
    if cause == FLOODED:
        return say_count(
            "{count} message{whose} came as part of a mail bomb, the first at {since}. The flood may hide an alert from a bank. "
            "Call the recipient.",
            "{count} messages{whose} came as part of a mail bomb, the first at {since}. The flood may hide an alert from a bank. "
            "Call the recipient.",
            **given,
        )
    if cause == REQUESTED:
        return say_count(
            "{count} message{whose} was requested, the first on {since}.",
            "{count} messages{whose} were requested, the first on {since}.",
            **given,
        )
    return say_count(
        "{count} message{whose} cannot expire because no daily digest named it, the first since {since}.",
        "{count} messages{whose} cannot expire because no daily digest named them, the first since {since}.",
        **given,
    )


def target_of(targets: tuple[str, ...], usual: int, department: str, person: str = "") -> timedelta | None:
    """Returns how long messages to a person of a department may wait, or to its shared folder; None: as long as they like."""
    own = {code_of(entry): entry.partition("=")[2] for entry in targets}
    minutes = int(own.get(f"{PERSON}{person}", own.get(department, usual)))
    return timedelta(minutes=minutes) if minutes else None


def people_of(targets: tuple[str, ...]) -> frozenset[str]:
    """Returns the uids of the people who have a target of their own."""
    codes = (code_of(entry) for entry in targets)
    return frozenset(code.removeprefix(PERSON) for code in codes if code.startswith(PERSON))


def code_of(entry: str) -> str:
    """Returns whose target this is: a department's code, or `person:` and a uid, which is in small letters."""
    code = entry.partition("=")[0].strip()
    return code.casefold() if code.casefold().startswith(PERSON) else code


def named_recipients(recipients: tuple[str, ...], department: str) -> tuple[str, ...]:
    """Returns the logins and addresses that get the alerts of a department instead of its staff on duty."""
    return tuple(who.strip().casefold() for code, _, who in (entry.partition("=") for entry in recipients) if code.strip() == department)


def find_minutes_fault(setting: str, entries: tuple[str, ...], *, of_people: bool = True) -> str:
    """Returns what is wrong with a setting of minutes by department, or by person where it is `of_people` too; "" when nothing is."""
    for entry in entries:
        code, _, minutes = entry.partition("=")
        if not of_people and code_of(entry).startswith(PERSON):
            return f"{setting}: “{entry}” is a person, and this is set by department alone: write such as sales=240"
        if not code.strip().removeprefix(PERSON) or not (minutes.strip().isascii() and minutes.strip().isdigit()):
            return f"{setting}: “{entry}” is no department with its minutes: write such as sales=30"
    return ""


def find_alerts_fault(targets: tuple[str, ...], recipients: tuple[str, ...], digest_at: str = "") -> str:
    """Returns what is wrong with the alert settings, "" when nothing is."""
    if fault := find_minutes_fault("targets", targets):
        return fault
    for entry in recipients:
        code, _, who = entry.partition("=")
        if not code.strip() or not who.strip():
            return f"alert_recipients: “{entry}” names nobody: write such as sales=ana or sales=sales-desk@company.example"
    if digest_at not in ("", AUTO, OFF) and not CLOCK.fullmatch(digest_at):
        return f"digest_at: “{digest_at}” is no time of day: write a time such as 16:00, or auto, or off"
    return ""
