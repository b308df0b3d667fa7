"""Matches people before and after a sync: renamed people, and names that somebody else has got. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from triage.addressing.company import CompanyDirectory, ConfidentialEntry, PersonEntry
from triage.directory.sync_plan import Change, Kind

Names = Mapping[str, str]  # what somebody was called: what they are called now
Former = Mapping[str, Collection[str]]  # former names: what those who had them are called today
People = Mapping[str, PersonEntry]

ASIDE = "~"  # in the names of those whose name somebody else has


@dataclass(frozen=True, slots=True)
class Renaming:
    """Names that change, all at once: two people may have swapped theirs."""

    people: Names = field(default_factory=dict)  # uids of those who are called otherwise
    logins: Names = field(default_factory=dict)  # and what they sign in with
    people_aside: Names = field(default_factory=dict)  # names that somebody else has now, and under which what hangs on them is kept
    logins_aside: Names = field(default_factory=dict)

    @property
    def uids(self) -> dict[str, str]:
        """Maps the uids that change to their new ones."""
        return {**self.people, **self.people_aside}

    @property
    def signs_in(self) -> dict[str, str]:
        """Maps the logins that change to their new ones."""
        return {**self.logins, **self.logins_aside}

    def changes(self, known: Collection[str]) -> Iterator[Change]:
        """Yields the changes of name; `known` are the uids that somebody has had."""
        yield from (Change(Kind.GETS_ANOTHER_UID, was, now) for was, now in sorted(self.people.items()))
        yield from (Change(Kind.GIVES_WAY, was, now) for was, now in sorted(self.people_aside.items()) if was in known)
        yield from (Change(Kind.GETS_ANOTHER_LOGIN, was, now) for was, now in sorted(self.logins.items()) if self.people.get(was) != now)


def match_people(before: CompanyDirectory, after: CompanyDirectory, lately: Collection[str]) -> People:
    """Matches everybody of `after` to who they were before, by the uid that they have now; new people are left out.

    The identity decides. Where one of the two has none the name does, unless its holder has another name now. Another identity under a
    name that somebody had is that person, with an account that was made again, if their full names are the same and they have not been
    away, or left `lately`; else it is somebody else, who gets nothing of what the first one had.
    """
    had = {person.identity: person for person in before.people if person.identity}
    named = {person.uid: person for person in before.people}
    there = {person.identity for person in after.people}
    found = {}
    for will in after.people:
        was = had.get(will.identity) or named.get(will.uid)
        if was is None or was.identity == will.identity or not was.identity:
            same = was is not None
        else:
            same = was.identity not in there and (not will.identity or is_recreated_account(was, will, lately))
        if was is not None and same:
            found[will.uid] = was
    return found


def is_recreated_account(was: PersonEntry, will: PersonEntry, lately: Collection[str]) -> bool:
    """Whether this is one person with two accounts, one after the other. Who comes after a long time is not taken for who had the name."""
    return words_of(was.name) == words_of(will.name) and (was.active or not will.active or was.uid in lately)


def words_of(name: str) -> list[str]:
    """A full name's words in any order: `Berg, Mara` is Mara Berg."""
    return sorted(name.casefold().replace(",", " ").split())


def with_identities(after: CompanyDirectory, were: People) -> CompanyDirectory:
    """The directory with the identities that it does not say this time, and said before."""
    unsaid = {will.uid: were[will.uid].identity for will in after.people if not will.identity and will.uid in were}
    return replace(after, people=tuple(replace(one, identity=unsaid[one.uid]) if one.uid in unsaid else one for one in after.people))


def find_renames(
    before: CompanyDirectory, after: CompanyDirectory, were: People, accounts: Mapping[str, bool], former: tuple[Former, Former]
) -> Renaming:
    """The names that change: of those who are called otherwise, and of those whose name somebody else has.

    `accounts`: the logins of staff, and which of them are accounts of our own; those keep theirs. `former`: uids and logins that somebody
    had before: what still hangs on one, entered at the moment when it changed, is not for who gets it.
    """
    uids, known = {person.uid for person in after.people}, {person.uid for person in before.people}
    still = {was.uid for was in were.values()}
    people = {was.uid: now for now, was in were.items() if was.uid != now}
    gone = [one for one in before.people if one.uid in uids and one.uid not in still]
    left_over = (set(people.values()) | uids & former[0].keys()) - known
    signs_in, signs_in_aside = find_login_renames(before, after, were, gone, accounts, former[1])
    return Renaming(people, signs_in, put_aside({one.uid for one in gone} | left_over, uids | known), signs_in_aside)


def find_login_renames(
    before: CompanyDirectory,
    after: CompanyDirectory,
    were: People,
    gone: Iterable[PersonEntry],
    accounts: Mapping[str, bool],
    former: Former,
) -> tuple[Names, Names]:
    """The same for what people sign in with."""
    both = [(login_of(was), login_of(will)) for was, will in pair_people(before, after, were, accounts)]
    kept = {was for was, will in both if was == will}
    moves = free_of({was: will for was, will in both if was != will}, accounts, accounts.keys() | kept)
    used = {login_of(will) for will in after.people if will.active} - kept
    again = former.keys() - {login_of(was) for was in before.people}
    others = {login_of(one) for one in gone} | set(reassigned_logins(before, after, were))
    lost = (used & (others | again) | set(moves.values())) - moves.keys()
    return moves, put_aside((login for login in lost if not accounts.get(login)), used | kept | accounts.keys())


def pair_people(
    before: CompanyDirectory, after: CompanyDirectory, were: People, accounts: Collection[str]
) -> Iterator[tuple[PersonEntry, PersonEntry]]:
    """Yields everybody who works here, before and now. Returning people keep their login unless somebody else signs in with it."""
    taken = {login_of(one) for one in before.people if one.active} | set(accounts)
    for will in after.people:
        if will.active and (was := were.get(will.uid)) and (was.active or login_of(was) not in taken):
            yield was, will


def reassigned_logins(before: CompanyDirectory, after: CompanyDirectory, were: People) -> Iterator[str]:
    """Logins of people who are known to be others than those who signed in so, whatever their uids are."""
    had: dict[str, list[PersonEntry]] = {}
    for was in before.people:
        had.setdefault(login_of(was), []).append(was)
    for will in after.people:
        owners = had.get(login_of(will), ())
        if will.identity and owners and all(was.identity not in ("", will.identity) and were.get(will.uid) != was for was in owners):
            yield login_of(will)


def login_of(person: PersonEntry) -> str:
    """Returns the login of a person."""
    return person.login or person.uid


def free_of(moves: Names, own: Mapping[str, bool], taken: Collection[str]) -> dict[str, str]:
    """The moves of logins without those of accounts of our own, and those to a login that stays where it is."""
    by_target = {now: was for was, now in moves.items() if not own.get(was)}
    free = {was: now for now, was in by_target.items()}
    while blocked := [was for was, now in free.items() if now in taken and now not in free]:
        for was in blocked:
            del free[was]
    return free


def put_aside(names: Iterable[str], taken: Collection[str]) -> dict[str, str]:
    """Another name for each of these, which nobody has: `mara.berg~1`."""
    found: dict[str, str] = {}
    for name in sorted(names):
        number = 1
        while f"{name}{ASIDE}{number}" in taken:
            number += 1
        found[name] = f"{name}{ASIDE}{number}"
    return found


def named_today(after: CompanyDirectory, people: Former, logins: Former) -> CompanyDirectory:
    """The directory with seals and scopes for who is meant by a former name: settings go on naming people as they were called.

    `people` and `find_login_renames`: former names, and who had them. A seal is for all of them, a right for one person: where nobody has
    the name now, and one had it.
    """
    uids, staff = {one.uid for one in after.people}, {one.login for one in after.staff}
    folders = {one.folder for one in after.sealed}
    seals: dict[str, set[str]] = {}
    for entry in after.sealed:
        kind, _, name = entry.folder.partition(":")
        had = {f"person:{uid}" for uid in people.get(name, ()) if kind == "person" and uid in uids}
        meant = had | {entry.folder} if name in uids or not had else had
        for folder in meant - (folders - {entry.folder}):
            seals.setdefault(folder, set()).update(current_person(login, logins, staff) for login in entry.staff)
    sealed = tuple(ConfidentialEntry(folder, tuple(sorted(seals[folder]))) for folder in sorted(seals))
    rights = tuple(replace(one, scope=tuple(sorted({in_scope(word, people, uids) for word in one.scope}))) for one in after.staff)
    return replace(after, sealed=sealed, staff=rights)


def in_scope(word: str, people: Former, uids: Collection[str]) -> str:
    """A word of a scope as it names somebody today."""
    kind, _, name = word.partition(":")
    return f"person:{current_person(name, people, uids)}" if kind == "person" else word


def current_person(name: str, former: Former, here: Collection[str]) -> str:
    """Returns the present name of a person: the name itself where somebody here has it, else that of the one who had it."""
    had = [one for one in former.get(name, ()) if one in here]
    return had[0] if name not in here and len(had) == 1 else name
