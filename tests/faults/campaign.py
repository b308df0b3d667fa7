"""Outcome of each injected fault: reported by the tests, printed as a table at the end of `make faults`."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Account:
    """Messages that were answered with 250 under one kind of fault, and what became of them: all that is wrong by its digest."""

    faults: str
    promised: int
    lost: list[str]
    corrupted: list[str]  # or what nobody has sent
    doubled: list[str]  # and nothing explains it
    again: int  # copies that a cut off attempt to deliver explains

    @property
    def cells(self) -> list[str]:
        """As a row of the table."""
        return [str(len(value) if isinstance(value, list) else value) for value in (getattr(self, one.name) for one in fields(self))]


TOLD: list[Account] = []


def tell(account: Account) -> None:
    """Put it into the table."""
    TOLD.append(account)


def table() -> list[str]:
    """The lines of the table, in Markdown; none where nothing was told."""
    rows = [account.cells for account in TOLD]
    head = ["fault", "promised", "lost", "corrupted", "doubled", "delivered again"]
    return [f"| {' | '.join(row)} |" for row in (head, ["---", *["---:"] * (len(head) - 1)], *rows)] if rows else []
