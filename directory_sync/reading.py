"""Result of reading a directory: the company, and notes for its administrator."""

from dataclasses import dataclass

from triage.addressing.company import CompanyDirectory
from triage.text.sanitize import escape_visible


@dataclass(frozen=True, slots=True)
class Note:
    """Note for the directory's administrator about one entry."""

    entry: str
    what: str

    def __str__(self) -> str:
        return f"{escape_visible(self.entry)}: {self.what}"


@dataclass(frozen=True, slots=True)
class Reading:
    """Result of reading a directory: the company, entries that were refused, and parts of entries that were left out."""

    company: CompanyDirectory
    refused: tuple[Note, ...] = ()
    notes: tuple[Note, ...] = ()
