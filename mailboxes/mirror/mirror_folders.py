"""The mirror's folders for acts in one account: which there should be, and which move each one means, also those that people made."""

from collections.abc import Iterable
from dataclasses import dataclass

from mailboxes.mirror.mirror_account import MirrorAccount
from triage.quarantine.mail_moves.move_folders import CONFIRM, DONE, NAMED, RENAMED, YES, Move

OWN = "Mailroom"  # folder of a personal account above those for acts


@dataclass(frozen=True, slots=True)
class Account:
    """An account on the IMAP server. `department`: whose held messages lie there, "" in somebody's own; `login`: who acts there."""

    address: str
    login: str
    department: str = ""

    def folder(self, *words: str) -> tuple[str, ...]:
        """Path of the folder for an action."""
        return words if self.department else (OWN, *words)


@dataclass(frozen=True, slots=True)
class ActFolders:
    """The folders for acts by their full names."""

    moves: dict[str, Move]
    confirm: str
    yes: str
    done: str
    above: tuple[str, ...]  # beginnings of the names of folders that people may make

    @property
    def deciding(self) -> frozenset[str]:
        """Folders in which a message means an act."""
        return frozenset(self.moves) | {self.yes}

    def may_decide(self, folder: str) -> bool:
        """Whether a message in this folder means an act, or will once the folder is known: somebody has just made it."""
        return folder in self.deciding or folder.startswith(self.above)

    @property
    def whole(self) -> frozenset[str]:
        """Folders of which every message is looked at."""
        return self.deciding | {self.confirm}


def open_folders(account: MirrorAccount, mine: Account, moves: Iterable[Move]) -> ActFolders:
    """Makes the folders that are missing, renames those of before, and says what each means.

    Below Reject, Assign and Redirect people may make folders of their own: the name says the text, colleague or person.
    """
    known = {mine.folder(*move.words): move for move in moves}
    others = [mine.folder(one) for one in (*NAMED, CONFIRM, YES, DONE)]
    account.open_folders([*others, *known], renamed=[(mine.folder(old), mine.folder(new)) for old, new in RENAMED])
    found = {account.name(*words): move for words, move in known.items()}
    above = {act: account.name(*mine.folder(act)) + account.delimiter for act in NAMED}
    for act, start in above.items():
        own = (name for name in account.folders if name.startswith(start) and name not in found)
        found |= {name: Move(act, name.removeprefix(start)) for name in own}
    confirm, yes, done = (account.name(*mine.folder(one)) for one in (CONFIRM, YES, DONE))
    return ActFolders(found, confirm, yes, done, tuple(above.values()))
