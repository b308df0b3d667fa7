"""Phishing simulations that the company orders: who signs their messages, and from when until when they are exempt. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from triage.addressing.envelope import ascii_domain
from triage.addressing.open_platforms import platform_of
from triage.addressing.public_suffix import is_shared

KEYS = ("dkim", "from", "until")
LONGEST = timedelta(days=92)  # an exemption that somebody forgets to remove


@dataclass(frozen=True, slots=True)
class Simulation:
    """Table [policy.simulations.NAME] of the settings."""

    name: str  # of the vendor, as people read it
    dkim: str  # domain (d=) of the signature
    since: datetime
    until: datetime  # not included

    @classmethod
    def parse(cls, name: str, given: Mapping[str, Any]) -> Self:
        """Read the table. ValueError names the key and says what is expected."""
        if odd := next((key for key in given if key not in KEYS), None):
            raise ValueError(f"{name}: there is no key “{odd}”; there are {', '.join(KEYS)}")
        if lacking := next((key for key in KEYS if key not in given), None):
            raise ValueError(f"{name}: {lacking} is missing; a simulation needs {', '.join(KEYS)}")
        if not isinstance(given["dkim"], str):
            raise ValueError(f"{name}: dkim must be text, not {given['dkim']}")
        since, until = (read_moment(name, key, given[key]) for key in ("from", "until"))
        if not since < until <= since + LONGEST:
            raise ValueError(f"{name}: until must come after from, at most {LONGEST.days} days later")
        made = cls(name, ascii_domain(given["dkim"]), since, until)
        if is_shared(made.dkim):
            raise ValueError(f"{name}: anybody can sign as {made.dkim}: name the vendor's own domain")
        return made

    def runs_at(self, moment: datetime) -> bool:
        """Whether messages that come at this moment are exempt."""
        return self.since <= moment < self.until


def read_moment(name: str, key: str, value: Any) -> datetime:
    """Returns a date and time with its offset. ValueError for anything else."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(f"{name}: {key} must be a date and a time with its offset, such as 2027-03-01T08:00:00+01:00, without quotes")
    return value


def find_shared_signer(simulations: Collection[Simulation], freemail: Collection[str], platforms: Collection[str]) -> str:
    """Returns the domain of a simulation that signs messages of anybody, "" where there is none."""
    return next((one.dkim for one in simulations if one.dkim in freemail or platform_of(one.dkim, platforms)), "")
