"""The actor of an action: a person with role and scope, a rule, or the system itself."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from triage.say import quote_text, say


class Role(StrEnum):
    """Role of a member of staff: the kind of work that they may do (product.md)."""

    TRIAGE = "triage"
    ADMIN = "admin"
    AUDITOR = "auditor"


class Right(StrEnum):
    """Right of a member of staff beside their role: each is given by name. Nobody gets one by standing in for somebody."""

    REMOVE_DELIVERED = "remove-delivered"  # take delivered messages out of mailboxes without a second person
    DATA_PROTECTION = "data-protection"  # see who viewed messages, as the data protection officer does
    HUNT = "hunt"  # search all mailboxes by what messages say, and with a second person see and remove what is found
    OUTGOING = "outgoing"  # decide about employees' outgoing messages that wait, as administrators of the whole company do


ALL_RIGHTS = frozenset(Right)


class Grant(StrEnum):
    """Grant of a token; people may what their role lets them."""

    READ = "read"
    DECIDE = "decide"
    RULES = "rules"
    LEARN = "learn"
    ADMIN = "admin"


def rights_of(words: Collection[str]) -> frozenset[Right]:
    """Read rights by their names. ValueError names a word that is none."""
    odd = [word for word in words if word not in set(Right)]
    if odd:
        raise ValueError(say("there is no right {odd}; there are {names}", odd=quote_text(odd[0]), names=", ".join(Right)))
    return frozenset(map(Right, words))


@dataclass(frozen=True, slots=True)
class Scope:
    """Scope of a staff member: the whole company, or some departments and persons."""

    company: bool = False
    departments: frozenset[str] = frozenset()
    persons: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, words: list[str] | tuple[str, ...]) -> Self:
        """Read ["company"] or any of "department:CODE" and "person:UID". ValueError names a word it does not know."""
        departments, persons, company = set(), set(), False
        for word in words:
            kind, _, name = word.partition(":")
            if word == "company":
                company = True
            elif kind == "department" and name:
                departments.add(name.casefold())
            elif kind == "person" and name:
                persons.add(name.casefold())
            else:
                raise ValueError(say("{word} is not a scope; write company, department:CODE or person:UID", word=quote_text(word)))
        return cls(company, frozenset(departments), frozenset(persons))

    def words(self) -> list[str]:
        """The scope as `parse` reads it, sorted."""
        if self.company:
            return ["company"]
        return [f"department:{code}" for code in sorted(self.departments)] + [f"person:{uid}" for uid in sorted(self.persons)]

    def covers(self, other: "Scope") -> bool:
        """Whether this scope includes everything in the other one."""
        return self.company or (not other.company and other.departments <= self.departments and other.persons <= self.persons)


EVERYTHING = Scope(company=True)


EMPLOYEE = "employee"  # kind of an actor who is nobody but themselves: no role, no scope


@dataclass(frozen=True, slots=True)
class Actor:
    """The one who acts, as it stands in the audit log:

    `person:ana`, `employee:UID`, `token:ID`, `rule:known-sender`, `system:retention`.
    """

    kind: str
    name: str
    role: Role | None = None
    scope: Scope = Scope()
    shown: str = ""  # a person's full name
    stands_in_for: tuple[str, ...] = ()  # logins of those whose scope is theirs for a time
    grants: frozenset[Grant] | None = None  # of a token; None: whatever the role may
    place: str = ""  # where from: the address of their client
    rights: frozenset[Right] = frozenset()  # beside the role
    factor_due: bool = False  # some acts ask for the second factor once more

    @classmethod
    def person(cls, login: str, role: Role, scope: Scope, shown: str = "", *, rights: frozenset[Right] = frozenset()) -> Self:
        """A member of staff."""
        return cls("person", login, role, scope, shown or login, rights=rights)

    @classmethod
    def employee(cls, uid: str, shown: str) -> Self:
        """Returns the actor of an employee who opens their own messages."""
        return cls(EMPLOYEE, uid, shown=shown)

    @classmethod
    def shell(cls, login: str, place: str) -> Self:
        """Returns the actor of a shell, who may do everything, under their own name. `place`: where they have come from by SSH."""
        return cls("shell", login, Role.ADMIN, EVERYTHING, f"{login} (shell)", place=place, rights=ALL_RIGHTS)

    @classmethod
    def rule(cls, name: str) -> Self:
        """A rule of the policy, by its name."""
        return cls("rule", name, scope=EVERYTHING, shown=name)

    @classmethod
    def system(cls, name: str) -> Self:
        """A part of Mailroom itself: relay, retention, sealer."""
        return cls("system", name, scope=EVERYTHING, shown=name)

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"
