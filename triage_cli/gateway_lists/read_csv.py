"""Reads a CSV file with a heading: one sender a line, and a column that says allow or block."""

import csv
from collections.abc import Iterator, Mapping
from io import StringIO

from triage.errors import BadInput
from triage_cli.gateway_lists.entries import Entry, read_entry

COLUMNS = {  # names of columns, in small letters without spaces
    "sender": ("sender", "value", "address", "email", "emailaddress", "domain", "from", "pattern", "entry"),
    "effect": ("effect", "action", "list", "type", "policy", "verdict"),
    "until": ("until", "expires", "expirationdate", "expiry", "expiration"),
    "note": ("note", "notes", "comment", "comments", "description", "reason"),
    "whose": ("recipient", "to", "user", "owner", "mailbox", "scope", "group"),
}
EFFECTS = {
    "allow": ("allow", "allowed", "allowlist", "white", "whitelist", "welcomelist", "safe", "permit", "accept", "trusted"),
    "block": ("block", "blocked", "blocklist", "black", "blacklist", "deny", "denied", "reject"),
}


def read_csv(text: str) -> Iterator[Entry]:
    """The entries; BadInput where no column names the sender, or none says allow or block."""
    heading = next(iter(text.splitlines()), "")
    delimiter = max(",;\t", key=heading.count)
    reader = csv.DictReader(StringIO(text), delimiter=delimiter)
    try:
        columns = find_columns(list(reader.fieldnames or ()))
        for row in reader:
            yield read_row(f"line {reader.line_num}", row, columns)
    except csv.Error as fault:
        raise BadInput(f"line {reader.line_num} is no CSV: {fault}") from fault


def find_columns(names: list[str]) -> dict[str, str]:
    """The column of each part, by its heading. The first name that fits counts."""
    plain = {"".join(name.split()).lower().strip("#"): name for name in reversed(names) if name}
    found = {part: plain[name] for part, known in COLUMNS.items() for name in reversed(known) if name in plain}
    for part in ("sender", "effect"):
        if part not in found:
            raise BadInput(f"the first line names no column of the {part}: call it {' or '.join(COLUMNS[part][:3])}")
    return found


def read_row(place: str, row: Mapping[str, str | None], columns: Mapping[str, str]) -> Entry:
    """The entry of one line."""
    said = {part: (row.get(column) or "").strip() for part, column in columns.items()}
    effect = next((one for one, words in EFFECTS.items() if said["effect"].lower() in words), "")
    if not effect:
        return Entry(place, said["sender"], why=f"{columns['effect']} is {said['effect'] or 'empty'}, which is neither allow nor block")
    if said.get("whose"):
        return Entry(place, said["sender"], why=f"is for {said['whose']} only: make the rule with --scope")
    return read_entry(place, said["sender"], effect, until=said.get("until", ""), note=said.get("note", ""))
