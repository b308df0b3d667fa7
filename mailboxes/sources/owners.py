"""Owner of a mailbox on disk, by its path as mail servers lay them out."""

from pathlib import PurePath

from triage.addressing.envelope import Address

NAMELESS = ("maildir", ".maildir", "mail", "mailbox", "mailboxes")  # directories that only hold what belongs to the one above


def owner_of(path: PurePath, domain: str) -> str:
    """`ada@x.example`, `x.example/ada` or, in the one domain, `ada`; "" where this names nobody. The path is below the root."""
    steps = [step for step in path.parts if step.casefold() not in NAMELESS]
    if not steps:
        return ""
    name = steps[-1].removesuffix(".mbox")
    if "@" not in name:
        name = f"{name}@{steps[-2] if len(steps) > 1 and '.' in steps[-2] else domain}"
    try:
        return str(Address.parse(name))
    except ValueError:
        return ""
