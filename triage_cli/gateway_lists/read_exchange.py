"""Reads lists of Exchange and Microsoft 365, as PowerShell exports them: ConvertTo-Json of the filter policies, or Export-Csv.

JSON of Get-HostedContentFilterPolicy, Get-SenderFilterConfig, Get-ContentFilterConfig and Get-TenantAllowBlockListItems; CSV of the last.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from triage.errors import BadInput
from triage_cli.gateway_lists.entries import Entry, read_entry
from triage_cli.gateway_lists.read_csv import EFFECTS, read_csv

LISTS = {
    "AllowedSenders": "allow",
    "AllowedSenderDomains": "allow",
    "BypassedSenders": "allow",
    "BypassedSenderDomains": "allow",
    "BlockedSenders": "block",
    "BlockedSenderDomains": "block",
    "BlockedDomains": "block",
    "BlockedDomainsAndSubdomains": "block",
}
WRAPPERS = ("Sender", "Domain", "Address", "value")  # objects that hold nothing but a sender
SWITCHED_OFF = "Enabled"


def read_exchange(text: str) -> Iterator[Entry]:
    """The entries. JSON has no lines that mean anything, so its entries are numbered."""
    if not text.lstrip().startswith(("{", "[")):
        yield from read_csv("\n".join(line for line in text.splitlines() if not line.startswith("#TYPE")))
        return
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise BadInput(f"this is no JSON of PowerShell: {fault}") from fault
    number = 0
    for policy in found if isinstance(found, list) else [found]:
        for entry in read_policy(policy, number + 1) if isinstance(policy, dict) else ():
            number += 1
            yield entry


def read_policy(policy: Mapping[str, Any], first: int) -> Iterator[Entry]:
    """The entries of one policy, or the one that it is itself."""
    if "Value" in policy and "Action" in policy:
        yield read_item(policy, f"entry {first}")
        return
    entries = ((name, one) for name in LISTS for one in wrap_list(policy.get(name)))
    for number, (name, one) in enumerate(entries, first):
        place, sender = f"entry {number}", plain_sender(one)
        if policy.get(SWITCHED_OFF) is False:
            yield Entry(place, sender or str(one), why="its filter is switched off (Enabled is false)")
        elif not sender:
            yield Entry(place, json.dumps(one), why=f"is no address or domain of {name} that is known here")
        else:
            yield read_entry(place, sender, LISTS[name], note=f"{name} of {policy.get('Name') or 'Exchange'}")


def read_item(item: Mapping[str, Any], place: str) -> Entry:
    """An item of the tenant's allow and block list."""
    value, action = str(item["Value"]), str(item["Action"])
    effect = next((one for one, words in EFFECTS.items() if action.lower() in words), "")
    if not effect:
        return Entry(place, value, why=f"Action is {action}, which is neither allow nor block")
    return read_entry(place, value, effect, until=str(item.get("ExpirationDate") or ""), note=str(item.get("Notes") or ""))


def wrap_list(value: Any) -> list[Any]:
    """A list of PowerShell: one value stands alone there."""
    return value if isinstance(value, list) else [] if value in (None, "") else [value]


def plain_sender(one: Any) -> str:
    """The sender, also inside objects that hold nothing else; "" where it is unclear."""
    while isinstance(one, dict):
        held = [one[name] for name in WRAPPERS if one.get(name)]
        one = held[0] if len(held) == 1 else None
    return one if isinstance(one, str) else ""
