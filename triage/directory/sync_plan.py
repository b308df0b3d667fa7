"""Plans a directory sync: changes person by person, and whether they are too many to be believed. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from triage.addressing.company import CompanyDirectory, PersonEntry
from triage.say import Said, join_parts, list_with_and, mark, say

FEW = 5  # people, or per cent of them, whom one run may take away, move or strip of addresses (security.md); so many groups may go
NEW, GOES, CHANGED = say("new"), say("removed"), say("changed")


class Kind(StrEnum):
    """Kind of a change to a person, group or department."""

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


SENTENCES = {  # of changes about one person, or an address
    Kind.JOINS: mark("{who} joins"),
    Kind.RETURNS: mark("{who} returns"),
    Kind.LEAVES: mark("{who} leaves"),
    Kind.MOVES: mark("{who} moves"),
    Kind.IS_RENAMED: mark("{who} is renamed"),
    Kind.GETS_ANOTHER_UID: mark("{who} gets another uid"),
    Kind.GETS_ANOTHER_LOGIN: mark("{who} gets another login"),
    Kind.GETS_ANOTHER_IDENTITY: mark("{who} gets another identity"),
    Kind.GIVES_WAY: mark("{who} loses the uid to somebody else and is renamed"),
    Kind.GETS_ADDRESSES: mark("{who} gets addresses"),
    Kind.LOSES_ADDRESSES: mark("{who} loses addresses"),
    Kind.GETS_ANOTHER_MAILBOX: mark("{who} gets another mailbox"),
    Kind.GETS_OTHER_ASSISTANTS: mark("{who} gets other assistants"),
    Kind.DEPARTMENT: mark("department {who}"),
    Kind.GROUP: mark("distribution list {who}"),
    Kind.STAFF: mark("staff {who}"),
    Kind.SEAL: mark("confidential folder {who}"),
    Kind.POSTMASTER: mark("postmaster {who}"),
    Kind.OWNER_WAITS: mark("{who} keeps its owner"),
}
BRAKED = {  # kinds that a broken source shows more often than a living company
    Kind.LEAVES: mark("remove {number} of {people} people"),
    Kind.MOVES: mark("move {number} of {people} people to another department"),
    Kind.LOSES_ADDRESSES: mark("remove addresses of {number} of {people} people"),
    Kind.GETS_ANOTHER_MAILBOX: mark("change the mailbox of {number} of {people} people"),
    Kind.GETS_ANOTHER_UID: mark("change the uid of {number} of {people} people"),
    Kind.GETS_ANOTHER_IDENTITY: mark("change the identity of {number} of {people} people"),
    Kind.GIVES_WAY: mark("give the uids of {number} of {people} people to somebody else"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """Line of the plan."""

    kind: Kind
    who: str  # uid, code, address or login
    what: str = ""

    @property
    def sentence(self) -> Said:
        """The change in words."""
        return join_parts(": ", (say(SENTENCES[self.kind], who=self.who), self.what))

    def __str__(self) -> str:
        return str(self.sentence)


@dataclass(frozen=True, slots=True)
class Plan:
    """All that would change. `people` are those who work here before it."""

    people: int
    changes: tuple[Change, ...] = ()
    groups: int = field(default=0, compare=False)  # those that there are before it
    stay: int = field(default=1, compare=False)  # people who work here after it
    locks_out: bool = field(default=False, compare=False)  # nobody can sign in any more who administers the whole company

    def too_much(self) -> str:
        """Reason why the directory is not believed, "" when it is."""
        counts = Counter(change.kind for change in self.changes)
        most = most_of(self.people)
        found: list[str] = [say(words, number=counts[kind], people=self.people) for kind, words in BRAKED.items() if counts[kind] > most]
        gone = sum(change.kind is Kind.GROUP and change.what == GOES for change in self.changes)
        found += (
            [say("remove {number} of {lists} distribution lists", number=gone, lists=self.groups)] if gone > most_of(self.groups) else []
        )
        found += [] if self.stay else [say("leave no employee")]
        found += [say("leave no administrator of the whole company")] if self.locks_out else []
        return list_with_and(found) if found else ""

    def count(self, *kinds: Kind) -> int:
        """Counts the changes of these kinds."""
        return sum(change.kind in kinds for change in self.changes)


def plan_sync(before: CompanyDirectory, after: CompanyDirectory, names: Iterable[Change] = ()) -> Plan:
    """Plans the changes from the directory as it is, with the `names` of today already, to the directory as its source says it is."""
    working, staying = (sum(person.active for person in one.people) for one in (before, after))
    return Plan(working, (*names, *list_changes(before, after)), len(before.groups), staying)


def most_of(number: int) -> int:
    """Returns how many of a number of entries one run may remove."""
    return max(FEW, number * FEW // 100)


def list_changes(before: CompanyDirectory, after: CompanyDirectory) -> Iterator[Change]:
    """Lists the changes, people first."""
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
    """Yields the changes to one person. Nobody is forgotten: a person who is no longer listed has left."""
    if will is None or not will.active:
        if was is not None and was.active:
            yield Change(Kind.LEAVES, was.uid, was.name)
        return
    if was is None or not was.active:
        yield Change(Kind.JOINS if was is None else Kind.RETURNS, will.uid, f"{will.name}, {will.department}")
        return
    if was.department != will.department:
        yield Change(Kind.MOVES, will.uid, say("from {old} to {new}", old=was.department, new=will.department))
    if was.name != will.name:
        yield Change(Kind.IS_RENAMED, will.uid, say("from {old} to {new}", old=was.name, new=will.name))
    if was.identity != will.identity and was.identity and will.identity:
        yield Change(Kind.GETS_ANOTHER_IDENTITY, will.uid)
    if was.mailbox != will.mailbox:
        yield Change(Kind.GETS_ANOTHER_MAILBOX, will.uid, say("{new} instead of {old}", new=will.mailbox, old=was.mailbox))
    had, has = {was.mailbox, *was.aliases}, {will.mailbox, *will.aliases}
    if lost := had - has:
        yield Change(Kind.LOSES_ADDRESSES, will.uid, ", ".join(sorted(lost)))
    if got := has - had:
        yield Change(Kind.GETS_ADDRESSES, will.uid, ", ".join(sorted(got)))
    if set(was.assistants) != set(will.assistants):
        yield Change(Kind.GETS_OTHER_ASSISTANTS, will.uid, ", ".join(will.assistants) or say("none"))


def list_differences(kind: Kind, was: Mapping[str, object], will: Mapping[str, object]) -> Iterator[Change]:
    """Yields what is added, removed or changed among things with a name."""
    for name in sorted(was.keys() | will.keys()):
        if was.get(name) != will.get(name):
            yield Change(kind, name, NEW if name not in was else GOES if name not in will else CHANGED)
