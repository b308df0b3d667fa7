"""Rights by group membership: a line `GROUP => ROLE SCOPE [RIGHT]` of the directory or an identity provider. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Self

from triage.actor import ALL_RIGHTS, Role, Scope

ARROW = "=>"
OWN_DEPARTMENT = "own-department"  # a scope of the directory only: it knows who works where
STRONGEST = (Role.ADMIN, Role.TRIAGE, Role.AUDITOR)  # who may decide is more than who only looks


@dataclass(frozen=True, slots=True)
class Grant:
    """Role, scope and rights that a group grants."""

    group: str
    role: Role
    scope: tuple[str, ...]
    rights: tuple[str, ...] = ()

    @classmethod
    def parse(cls, line: str, *, words: Collection[str] = ()) -> Self:
        """Read a line; `words`: scopes that are known beside company, department:CODE and person:UID. ValueError says what is missing."""
        group, arrow, rest = line.rpartition(ARROW)
        given = rest.split()
        if not arrow or not group.strip() or len(given) < 2:
            raise ValueError("it has no role and scope")
        rights, scope = (tuple(word for word in given[1:] if (word in ALL_RIGHTS) is wanted) for wanted in (True, False))
        if not scope:
            raise ValueError("it has no scope")
        Scope.parse([word for word in scope if word not in words])
        return cls(group.strip(), Role(given[0]), scope, rights)


@dataclass(frozen=True, slots=True)
class Given:
    """Role, scope and rights that somebody has by all of their groups."""

    role: Role
    scope: tuple[str, ...]
    rights: tuple[str, ...]


def given_by(grants: Iterable[Grant]) -> Given | None:
    """Joins grants: the strongest role, every scope and right; None without a grant."""
    held = list(grants)
    if not held:
        return None
    scope = {word for one in held for word in one.scope}
    role = next(role for role in STRONGEST if any(one.role is role for one in held))
    rights = {right for one in held for right in one.rights}
    return Given(role, ("company",) if "company" in scope else tuple(sorted(scope)), tuple(sorted(rights)))
