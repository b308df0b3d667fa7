"""`mailroom rules import --from`: the allow and block lists of the gateway that a company leaves."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from triage.errors import BadInput
from triage.text.numbers import format_count
from triage_cli.client.api_client import Desk
from triage_cli.client.exit_codes import DONE, REFUSED
from triage_cli.commands.policy.rules_file import FaultyPart, Part, asked_of, look_at, make_rules, part_lines, report_import
from triage_cli.gateway_lists.entries import Entry
from triage_cli.gateway_lists.read_csv import read_csv
from triage_cli.gateway_lists.read_exchange import read_exchange
from triage_cli.gateway_lists.read_spamassassin import read_spamassassin
from triage_cli.output.tables import say

READERS = {"spamassassin": read_spamassassin, "exchange": read_exchange, "csv": read_csv}
BOM = "\ufeff"


def import_gateway_list(desk: Desk, source: str, text: str, names: Sequence[str], *, is_applied: bool) -> int:
    """Say what each entry means and which are left out; make the rules only if `is_applied`. Exit code 1 if entries are left out then."""
    entries = list(READERS[source](text.removeprefix(BOM)))
    if not entries:
        raise BadInput(f"no allow or block entry of {source} was found in this file; nothing was imported")
    entries, looked = check_entries(desk, entries)
    print_entries(entries, with_rules=not is_applied)
    unsure = sum(not one.rule for one in entries)
    if not is_applied:
        report_import(looked, "would make")
        say("Nothing is changed. To make these rules, repeat the command with --apply.")
        return DONE
    report_import(make_rules(desk, parts_of(entries), asked_of(looked, names)), "made")
    return REFUSED if unsure else DONE


def check_entries(desk: Desk, entries: Sequence[Entry]) -> tuple[list[Entry], list[Any]]:
    """The entries without rules that the server refuses, and what would become of the others; nothing is made."""
    while True:
        try:
            return list(entries), look_at(desk, parts_of(entries))
        except FaultyPart as fault:
            reasons = {fault.part.before + one["line"] - 1: one["reason"] for one in fault.refusal.problem["lines"]}
            numbers = count()
            entries = [replace(one, rule="", why=why) if one.rule and (why := reasons.get(next(numbers))) else one for one in entries]


def parts_of(entries: Sequence[Entry]) -> list[Part]:
    """The rules of the entries, in parts that fit into one request."""
    rules = [one.rule for one in entries if one.rule]
    return list(part_lines("\n".join(rules))) if rules else []


def print_entries(entries: Sequence[Entry], *, with_rules: bool) -> None:
    """Say what each entry means, and which are left out and why."""
    for one in entries:
        if one.rule and with_rules:
            say(f"{one.place}: {describe_imported_rule(json.loads(one.rule))}")
    for one in entries:
        if not one.rule:
            say(f"{one.place} is left out: {one.text}: {one.why}")
    understood = sum(bool(one.rule) for one in entries)
    say(f"{format_count(understood, 'entry is', 'entries are')} understood, {len(entries) - understood} left out.")
    say("An allow rule passes proven messages only. A block of a domain covers its subdomains too.")


def describe_imported_rule(rule: dict[str, str]) -> str:
    """A rule in words."""
    more = [f"{name} {rule[name]}" for name in ("proof", "until") if rule.get(name)]
    return " ".join((rule["effect"], rule["sender"], *more))
