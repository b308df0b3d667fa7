"""What taking a directory over would change, person by person, and when that is too much to be true. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from triage.addressing.company import CompanyDirectory, PersonEntry

FEW = 5  # people, or per cent of them, whom one run may take away, move or strip of addresses (security.md); so many groups may go
GOES = "goes"


class Kind(StrEnum):
    """What happens to somebody or something."""

    JOINS = "joins"
    RETURNS = "returns"
    LEAVES = "leaves"
    MOVES = "moves"
    IS_RENAMED = "is renamed"
    GETS_ANOTHER_UID = "gets another uid"
    GETS_ANOTHER_LOGIN = "gets another login"
    GETS_ANOTHER_IDENTITY = "gets another identity"
    GIVES_WAY = "gives the uid to somebody else, and is kept as"
    GETS_ADDRESSES = "gets addresses"
    LOSES_ADDRESSES = "loses addresses"
    GETS_ANOTHER_MAILBOX = "gets another mailbox"
    GETS_OTHER_ASSISTANTS = "gets other assistants"
    DEPARTMENT = "department"
    GROUP = "group"
    STAFF = "staff"
    SEAL = "seal"
    POSTMASTER = "postmaster"
    OWNER_WAITS = "keeps its owner"


BRAKED = {  # kinds that a broken source shows more often than a living company
    Kind.LEAVES: "take {number} of {people} people away",
    Kind.MOVES: "move {number} of {people} people to another department",
    Kind.LOSES_ADDRESSES: "take addresses from {number} of {people} people",
    Kind.GETS_ANOTHER_MAILBOX: "change the mailbox of {number} of {people} people",
    Kind.GETS_ANOTHER_UID: "give another uid to {number} of {people} people",
    Kind.GETS_ANOTHER_IDENTITY: "give another identity to {number} of {people} people",
    Kind.GIVES_WAY: "give the uids of {number} of {people} people to somebody else",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the plan."""

    kind: Kind
    who: str  # uid, code, address or login
    what: str = ""

    def __str__(self) -> str:
        return f"{self.who} {self.kind}" + (f": {self.what}" if self.what else "")


@dataclass(frozen=True, slots=True)
class Plan:
    """All that would change. `people` are those who work here before it."""

    people: int
    changes: tuple[Change, ...] = ()
    groups: int = field(default=0, compare=False)  # those that there are before it
    stay: int = field(default=1, compare=False)  # people who work here after it
    locks_out: bool = field(default=False, compare=False)  # nobody can sign in any more who administers the whole company

    def too_much(self) -> str:
        """Why the directory is not believed, "" when it is."""
        counts = Counter(change.kind for change in self.changes)
        most = most_of(self.people)
        found = [words.format(number=counts[kind], people=self.people) for kind, words in BRAKED.items() if counts[kind] > most]
        gone = sum(change.kind is Kind.GROUP and change.what == GOES for change in self.changes)
        found += [f"take {gone} of {self.groups} groups away"] if gone > most_of(self.groups) else []
        found += [] if self.stay else ["leave nobody here"]
        found += ["leave nobody who administers the whole company"] if self.locks_out else []
        return " and ".join(found)

    def count(self, *kinds: Kind) -> int:
        """How many changes are of these kinds."""
        return sum(change.kind in kinds for change in self.changes)


def plan_sync(before: CompanyDirectory, after: CompanyDirectory, names: Iterable[Change] = ()) -> Plan:
    """What leads from the directory as it is, with the `names` of today already, to the directory as its source says it is."""
    working, staying = (sum(person.active for person in one.people) for one in (before, after))
    return Plan(working, (*names, *list_changes(before, after)), len(before.groups), staying)


def most_of(number: int) -> int:
    """How many of so many one run may take away."""
    return max(FEW, number * FEW // 100)


def list_changes(before: CompanyDirectory, after: CompanyDirectory) -> Iterator[Change]:
    """Every change, people first."""
    was, will = ({person.uid: person for person in one.people} for one in (before, after))
    for uid in sorted(was.keys() | will.keys()):
        if was.get(uid) != will.get(uid):
            yield from changes_of(was.get(uid), will.get(uid))
    yield from list_differences(
        Kind.DEPARTMENT, {one.code: one for one in before.departments}, {one.code: one for one in after.departments}
    )
    yield from list_differences(Kind.GROUP, {one.address: one for one in before.groups}, {one.address: one for one in after.groups})
    yield from list_differences(Kind.STAFF, {one.login: one for one in before.staff}, {one.login: one for one in after.staff})
    yield from list_differences(Kind.SEAL, {one.folder: one for one in before.sealed}, {one.folder: one for one in after.sealed})
    if before.postmaster != after.postmaster:
        yield Change(Kind.POSTMASTER, after.postmaster)


def changes_of(was: PersonEntry | None, will: PersonEntry | None) -> Iterator[Change]:
    """What happens to one person. Nobody is forgotten: who is no longer named has left."""
    if will is None or not will.active:
        if was is not None and was.active:
            yield Change(Kind.LEAVES, was.uid, was.name)
        return
    if was is None or not was.active:
        yield Change(Kind.JOINS if was is None else Kind.RETURNS, will.uid, f"{will.name}, {will.department}")
        return
    if was.department != will.department:
        yield Change(Kind.MOVES, will.uid, f"from {was.department} to {will.department}")
    if was.name != will.name:
        yield Change(Kind.IS_RENAMED, will.uid, f"from {was.name} to {will.name}")
    if was.identity != will.identity and was.identity and will.identity:
        yield Change(Kind.GETS_ANOTHER_IDENTITY, will.uid)
    if was.mailbox != will.mailbox:
        yield Change(Kind.GETS_ANOTHER_MAILBOX, will.uid, f"{will.mailbox} instead of {was.mailbox}")
    had, has = {was.mailbox, *was.aliases}, {will.mailbox, *will.aliases}
    if lost := had - has:
        yield Change(Kind.LOSES_ADDRESSES, will.uid, ", ".join(sorted(lost)))
    if got := has - had:
        yield Change(Kind.GETS_ADDRESSES, will.uid, ", ".join(sorted(got)))
    if set(was.assistants) != set(will.assistants):
        yield Change(Kind.GETS_OTHER_ASSISTANTS, will.uid, ", ".join(will.assistants) or "nobody")


def list_differences(kind: Kind, was: Mapping[str, object], will: Mapping[str, object]) -> Iterator[Change]:
    """What comes, goes or changes among things with a name."""
    for name in sorted(was.keys() | will.keys()):
        if was.get(name) != will.get(name):
            yield Change(kind, name, "is new" if name not in was else GOES if name not in will else "changes")
