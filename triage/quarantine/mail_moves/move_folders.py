"""Folders for acts: what moving a held message into each means, and the names of before. Pure."""

from dataclasses import dataclass

RELEASE, ALLOW, REMOVE = "Release", "Allow sender", "Remove"
REJECT, ASSIGN, REDIRECT = "Reject", "Assign", "Redirect"  # each with a folder below for a text, a colleague, a person
DOMAIN, BLOCK, EVERYWHERE, EVERYWHERE_BLOCK = "Allow domain", "Block sender", "Remove everywhere", "Remove everywhere and block"
CONFIRM, YES, DONE = "Confirm", "Yes", "Done"
PLAIN = (RELEASE, ALLOW, REMOVE, DOMAIN, BLOCK, EVERYWHERE, EVERYWHERE_BLOCK)
NAMED = (REJECT, ASSIGN, REDIRECT)
WIDE = frozenset({DOMAIN, BLOCK, EVERYWHERE, EVERYWHERE_BLOCK})  # reach more than this message and this person: asked about first
RENAMED = (("Approve sender", ALLOW), ("Purge", REMOVE), ("Purge and block", BLOCK))  # the older ones by their names of today


@dataclass(frozen=True, slots=True)
class Move:
    """A folder for an act. `word`: the template, login or name of the folder below it."""

    act: str
    word: str = ""

    @property
    def folder(self) -> str:
        """The name of the folder, as notes and the audit log say it."""
        return f"{self.act}/{self.word}" if self.word else self.act

    @property
    def words(self) -> tuple[str, ...]:
        """The levels of the name."""
        return (self.act, self.word) if self.word else (self.act,)

    @property
    def is_wide(self) -> bool:
        """Whether it reaches more than one message and one person."""
        return self.act in WIDE


def move_of(folder: str) -> Move:
    """The move that `Move.folder` wrote."""
    act, _, word = folder.partition("/")
    return Move(act, word)
