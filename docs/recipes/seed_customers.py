#!/usr/bin/env python3
"""Let the customers of a CSV in: an allow for each address, or for each of their domains. Done again it adds what is new.

    mailroom token create customers --may read --may rules --scope company
    MAILROOM_TOKEN=mailroom_… python3 seed_customers.py https://mailroom.example customers.csv --column email

An allow counts only for mail that proves to be theirs; `--proof aligned` is for those whose domains publish no DMARC. With --domains
whole organisations are allowed, and of those who use a free-mail provider the address alone. Rows that are refused are named, with
the reason, and the exit code is 1; all others are done.
"""

import csv
from pathlib import Path

from mailroom_api import arguments, opened, plain, run


def addresses(file, column):
    """The row of each address, the first one of several; ValueError when there is no such column."""
    with Path(file).open(encoding="utf-8-sig", newline="") as lines:
        head = lines.readline()
        lines.seek(0)
        rows = csv.DictReader(lines, delimiter=max(",;\t", key=head.count))
        name = next((one for one in rows.fieldnames or () if one.strip().casefold() == column.casefold()), None)
        if name is None:
            raise ValueError(f"{file} has no column {column!r}; there are {', '.join(rows.fieldnames or ())}")
        found = {}
        for row in rows:
            if address := (row[name] or "").strip().casefold():
                found.setdefault(address, rows.line_num)
    return found


def rules(senders, asked):
    """An allow for each, as `mailroom rules export` writes it: nothing in a cell is more than an address."""
    values = {"effect": "allow", "scope": asked.scope, "proof": asked.proof, "note": asked.note, "until": asked.until}
    return [{name: value for name, value in values.items() if value} | {"sender": one} for one in senders]


def domain_of(address):
    """Part of an address after the @."""
    return address.rpartition("@")[2]


def main():
    """Read, make the rules, and say what is none."""
    parser = arguments("Let the customers of a CSV in.")
    parser.add_argument("file", help="CSV with a heading, separated by commas, semicolons or tabs")
    parser.add_argument("--column", default="email", help="the heading of the addresses; default: email")
    parser.add_argument("--domains", action="store_true", help="let whole domains in, where they are nobody else's too")
    parser.add_argument("--scope", default="company", help="whose mail: company, department:CODE or person:UID")
    parser.add_argument("--proof", default="dmarc", choices=["dmarc", "aligned"], help="what proves that it is theirs; default: dmarc")
    parser.add_argument("--note", default="customer", help="stands in each rule")
    parser.add_argument("--until", default="", metavar="DATE", help="the rules end then; ISO 8601")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    asked, mailroom = opened(parser)
    found = addresses(asked.file, asked.column)
    refused = {one: "this is no address" for one in found if "@" not in one}
    single, of_domains = [one for one in found if one not in refused], (0, 0, {})
    if asked.domains:
        of_domains = mailroom.make_rules(rules(dict.fromkeys(map(domain_of, single)), asked), dry_run=asked.dry_run)
        single = [one for one in single if domain_of(one) in of_domains[2]]  # such a domain is anybody's
    made, kept, faults = mailroom.make_rules(rules(single, asked), dry_run=asked.dry_run)
    made, kept, refused = made + of_domains[0], kept + of_domains[1], refused | faults
    print(f"{len(found)} addresses: {made} rules {'would be made' if asked.dry_run else 'made'}, {kept} were there already")
    for address, why in refused.items():
        print(f"{asked.file}:{found[address]}: {plain(address)}: {plain(why)}")
    return 1 if refused else 0


if __name__ == "__main__":
    run("seed_customers", main)
