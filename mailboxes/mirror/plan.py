"""Plans the mirror: compares a department's account with the held messages; copies to add, return or remove. Pure.

The database says what is held; the account is only its picture. Nothing that a person does to a copy outside the folders
for acts means anything: it is put right again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Place(NamedTuple):
    """Place of a message: its folder and UID."""

    folder: str
    validity: int  # UIDVALIDITY
    uid: int


class Seen(NamedTuple):
    """A message in the account that is one of our copies."""

    place: Place
    copy: int


class KnownCopy(NamedTuple):
    """A copy as the database knows it."""

    id: int
    delivery: int
    home: str  # folder
    place: Place | None  # where it lay last; None: it is to be put there


@dataclass(slots=True)
class Plan:
    """Plan for an account, in this order: take messages away, move them home, note where they are, put them there."""

    take: list[Place] = field(default_factory=list)
    end: list[int] = field(default_factory=list)  # copies whose mail is held no more
    move: list[tuple[KnownCopy, Place, str]] = field(default_factory=list)  # a copy that lies elsewhere, and its home
    found: list[tuple[KnownCopy, Place]] = field(default_factory=list)  # where a copy lies that the database knew elsewhere or nowhere
    put: list[tuple[KnownCopy, str]] = field(default_factory=list)  # a copy that lies nowhere
    new: list[tuple[int, str]] = field(default_factory=list)  # held messages that have no copy yet, and its folder

    def __bool__(self) -> bool:
        return any((self.take, self.end, self.move, self.found, self.put, self.new))


def plan_mirror(kept: Iterable[KnownCopy], wanted: Mapping[int, str], seen: Iterable[Seen], *, apart: frozenset[str]) -> Plan:
    """Compare. `kept`: the copies that are not over; `wanted`: the folder of each held message; `apart`: folders that are left alone."""
    here: dict[int, list[Place]] = {}
    for one in sorted(seen):
        if one.place.folder not in apart:
            here.setdefault(one.copy, []).append(one.place)
    made = Plan()
    mirrored: set[int] = set()
    for row in sorted(kept):
        places = here.pop(row.id, [])
        home = wanted.get(row.delivery)
        if home is None or row.delivery in mirrored:
            made.end.append(row.id)
            made.take += places
        else:
            mirrored.add(row.delivery)
            settle_copy(made, row, places, home)
    made.take += [place for places in here.values() for place in places]  # copies that are over and have come back
    made.new = [(delivery, home) for delivery, home in sorted(wanted.items()) if delivery not in mirrored]
    return made


def settle_copy(made: Plan, row: KnownCopy, places: list[Place], home: str) -> None:
    """Plans one held message: exactly one copy in its own folder. Copies made elsewhere by people stay as long as the message is held."""
    at_home = [place for place in places if place.folder == home]
    if at_home:
        stays = row.place if row.place in at_home else at_home[0]
        made.take += [place for place in at_home if place != stays]
        if (row.place, row.home) != (stays, home):
            made.found.append((row, stays))
    elif places:
        made.move.append((row, places[0], home))
    else:
        made.put.append((row, home))
