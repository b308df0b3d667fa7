"""Views: the folders that somebody sees as one queue, for which counts are kept. Few people triage, so there are few of them."""

import json
from dataclasses import dataclass
from typing import Self

from sqlmodel import Session

from triage.access import confidential_folders
from triage.actor import Actor, Scope


@dataclass(frozen=True, slots=True)
class View:
    """A scope, without what is confidential to who has it, or one department of it."""

    scope: tuple[str, ...]
    closed: tuple[str, ...] = ()
    department: str = ""

    @classmethod
    def of(cls, session: Session, by: Actor, department: str = "") -> Self:
        """Returns the view of this actor, or of one department as the actor sees it."""
        return cls.within(by.scope, confidential_folders.closed_folders(session, by), department)

    @classmethod
    def within(cls, scope: Scope, closed: frozenset[str], department: str = "") -> Self:
        """A scope without what is closed; a department that lies wholly within it is the same view for everybody."""
        if department and (scope.company or department in scope.departments):
            return cls((f"department:{department}",), tuple(sorted(closed)))
        return cls(tuple(scope.words()), tuple(sorted(closed)), department)

    @property
    def name(self) -> str:
        """Name of the view in the database."""
        return json.dumps([self.scope, self.closed, self.department])

    @classmethod
    def named(cls, name: str) -> Self:
        """The view that has this name."""
        scope, closed, department = json.loads(name)
        return cls(tuple(scope), tuple(closed), department)

    def covers(self, department: str, person: str) -> bool:
        """Whether this folder belongs to it."""
        here, whose = f"department:{department}", f"person:{person}"
        if here in self.closed or whose in self.closed or self.department not in ("", department):
            return False
        return "company" in self.scope or here in self.scope or (person != "" and whose in self.scope)
