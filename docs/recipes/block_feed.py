#!/usr/bin/env python3
"""Blocks the domains of a feed every night: new ones are blocked, others renewed, and blocks of domains that left the feed expire.

    mailroom token create feed --may read --may rules --scope company
    MAILROOM_TOKEN=mailroom_… python3 block_feed.py https://mailroom.example https://feeds.example/phishing.txt --name phishing

FEED is an address, a file, or - for standard input: a domain a line, a hosts file, or a filter list (||bad.example^). A block of a
domain covers everything below it, and its messages are refused. So no known sender is blocked: a domain that a rule allows, or to
which somebody here has written, is spared and named, and unblocked if it was blocked before. A feed that is suddenly short is not
believed, and nothing is changed.
"""

import json
import re
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mailroom_api import arguments, opened, plain, run

LARGEST = 64 * 1024 * 1024  # bytes of a feed
DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+(xn--[a-z0-9-]{1,59}|[a-z]{2,63})")
HOSTS = re.compile(r"(0\.0\.0\.0|127\.0\.0\.1|::1?)\s+")


def read(feed):
    """The text of the feed; ValueError when it is too large to be one."""
    if feed == "-":
        said = sys.stdin.buffer.read(LARGEST)
    elif feed.startswith(("https://", "http://")):
        with urllib.request.urlopen(feed, timeout=60) as answer:
            said = answer.read(LARGEST)
    else:
        with Path(feed).open("rb") as file:
            said = file.read(LARGEST)
    if len(said) == LARGEST:
        raise ValueError(f"{feed} is larger than {LARGEST:,} bytes: that is no feed of domains")
    return said.decode("utf-8", "replace")


def domains(text):
    """The domains that a feed names, without what it names above them, and how many lines name none."""
    found, odd = set(), 0
    for line in text.splitlines():
        word = HOSTS.sub("", re.split(r"[#!]|\s;|^;", line, maxsplit=1)[0].strip()).casefold()
        name = word.removeprefix("||").removeprefix("*.").rstrip("^.")
        if DOMAIN.fullmatch(name):
            found.add(name)
        elif word and word != "localhost":
            odd += 1
    return {one for one in found if found.isdisjoint(above(one))}, odd


def above(domain):
    """The domains above one, without the top."""
    labels = domain.split(".")
    return {".".join(labels[place:]) for place in range(1, len(labels) - 1)}


def known(mailroom, rules):
    """The domains of everybody whom a rule allows or to whom somebody here has written, with those above them."""
    senders = [one["sender"] for one in rules if one["effect"] == "allow" and not one["sender"].startswith("list:")]
    senders += [one["address"] for one in mailroom.items("/contacts")]
    ours = {sender.rpartition("@")[2].lstrip(".") for sender in senders}
    return ours.union(*map(above, ours))


def remove_blocks(mailroom, names, note):
    """Take the feed's own blocks of these back."""
    for name in names:
        for rule in list(mailroom.items("/rules", q=name)):
            if (rule["effect"], rule["value"], rule["note"]) == ("block", name, note):
                mailroom.delete(f"/rules/{rule['id']}")


def main():
    """Read, believe or not, spare, block."""
    parser = arguments("Block the domains of a feed.")
    parser.add_argument("feed", help="address, file, or - for standard input")
    parser.add_argument("--name", required=True, help="of the feed; stands in each rule, which is how they are found again")
    parser.add_argument("--days", type=int, default=14, help="a block lasts so long after the domain was last in the feed; default: 14")
    parser.add_argument("--least", type=int, default=10, help="a feed with fewer domains is not believed; default: 10")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    asked, mailroom = opened(parser)
    note, now = f"feed {asked.name}", datetime.now(UTC)
    named, odd = domains(read(asked.feed))
    rules = [json.loads(line) for line in mailroom.lines("/rules/export")]
    ours = {one["sender"]: datetime.fromisoformat(one["until"]) for one in rules if one.get("note") == note and one.get("until")}
    if len(named) < max(asked.least, len(ours) // 2):
        raise ValueError(f"the feed names {len(named)} domains, {len(ours)} are blocked by it: not believed, nothing was changed")
    spared = named & known(mailroom, rules)
    lasting = {name for name, until in ours.items() if until > now + timedelta(days=asked.days / 2)}
    wanted = named - spared - lasting
    block = {"effect": "block", "scope": "company", "note": note, "until": (now + timedelta(days=asked.days)).isoformat()}
    *_, refused = mailroom.make_rules([block | {"sender": name} for name in sorted(wanted)], dry_run=asked.dry_run)
    if not asked.dry_run:
        remove_blocks(mailroom, spared & ours.keys(), note)
    wanted -= refused.keys()
    fresh, renewed = len(wanted - ours.keys()), len(wanted & ours.keys())
    would = "would be " if asked.dry_run else ""
    print(f"{len(named)} domains: {fresh} {would}blocked, {renewed} {would}renewed, {len(named & lasting)} stay, {odd} lines name none")
    for name in sorted(spared):
        print(f"spared, we know somebody there: {name}")
    for name, why in sorted(refused.items()):
        print(f"refused: {name}: {plain(why)}")
    return 1 if refused else 0


if __name__ == "__main__":
    run("block_feed", main)
