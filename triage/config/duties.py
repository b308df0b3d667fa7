"""Duties: whom staff escalates a message to, by which phone number, and which findings in a message suggest it. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from triage.say import say

SECURITY, MANAGEMENT, LEGAL, DATA_PROTECTION = "security", "management", "legal", "data-protection"
TITLES = {
    SECURITY: say("Security"),
    MANAGEMENT: say("Management"),
    LEGAL: say("Legal"),
    DATA_PROTECTION: say("Data protection"),
}
OURS: dict[str, str] = {title: title for title in TITLES.values()}
TEXTS = ("title", "phone", "address")


@dataclass(frozen=True, slots=True)
class Duty:
    """Table [escalation.duties.NAME] of the settings."""

    name: str
    title: str
    phone: str = ""
    staff: tuple[str, ...] = ()  # logins of those who confirm; empty: anybody who decides
    address: str = ""  # an address of ours that gets the notice too

    @classmethod
    def parse(cls, name: str, given: Mapping[str, Any]) -> Self:
        """Read the table. ValueError names the key and says what is expected."""
        if name not in TITLES:
            raise ValueError(f"there is no duty “{name}”; there are {', '.join(TITLES)}")
        for key, value in given.items():
            if key in TEXTS and not isinstance(value, str):
                raise ValueError(f"{name}: {key} must be text, not {value}")
            if key == "staff" and not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
                raise ValueError(f'{name}: staff must be a list of logins, such as ["ana", "ben"]')
            if key not in (*TEXTS, "staff"):
                raise ValueError(f"{name}: there is no key “{key}”; there are {', '.join((*TEXTS, 'staff'))}")
        staff = tuple(one.casefold() for one in given.get("staff", ()))
        values = {key: " ".join(given[key].split()) for key in TEXTS if key in given}
        return cls(name, **{"title": TITLES[name]} | values, staff=staff)


USUAL = tuple(Duty(name, title) for name, title in TITLES.items())  # where the settings name none


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Suggestion to escalate a message rather than remove it: to which duty, and why in a sentence."""

    duty: str
    reason: str


SUGGESTED = {  # by the signal, the weightiest first
    "threat": Suggestion(SECURITY, say("It threatens somebody: do not answer it, and do not remove it.")),
    "data-request": Suggestion(DATA_PROTECTION, say("Somebody asks what is kept about them: the law sets a deadline for the answer.")),
    "legal-deadline": Suggestion(LEGAL, say("It is a legal matter with a deadline: the deadline may run from today.")),
}


def known_title(title: str) -> str:
    """A stored title of a duty, with its message id where the company names the duty as we do."""
    return OURS.get(title, title)


def suggest_duty(findings: Collection[str]) -> Suggestion | None:
    """Returns the duty that the signals of a message suggest; None for most messages."""
    return next((one for signal, one in SUGGESTED.items() if signal in findings), None)


def find_duty(duties: Sequence[Duty], name: str) -> Duty | None:
    """The duty of this name."""
    return next((one for one in duties if one.name == name), None)


def duty_in_charge(duties: Sequence[Duty], name: str) -> Duty | None:
    """The duty of this name, or who stands for it where the company has none: the management, else the first."""
    return find_duty(duties, name) or find_duty(duties, MANAGEMENT) or next(iter(duties), None)
