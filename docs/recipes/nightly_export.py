#!/usr/bin/env python3
"""Take the record, the rules and yesterday's figures elsewhere, every night; and notice when the record is not what it was.

    mailroom token create nightly --may read --may admin --scope company
    MAILROOM_TOKEN=mailroom_… python3 nightly_export.py https://mailroom.example /srv/mailroom-export

Of each night there is record-NUMBER.jsonl (every act since the last export; the first one has this number), rules-DATE.jsonl (`mailroom
rules import` reads it), and figures-DATE (each table of each report, as CSV). A file has its name only when it is whole and on disk.
The last act that was taken is asked for again: when it has changed or is gone, somebody wrote the record again; that is said, with the
exit code 1, and nothing is exported. What broke off can be run again at any time.
"""

import json
import os
from collections import deque
from datetime import datetime, timedelta
from pathlib import Path

from mailroom_api import arguments, opened, run


def last_act(directory):
    """The last act that was exported before; None on the first night."""
    for file in sorted(directory.glob("record-*.jsonl"), reverse=True):
        with file.open(encoding="utf-8") as lines:
            (last,) = deque(lines, maxlen=1)
        return json.loads(last)
    return None


def new_acts(mailroom, last):
    """Yields the entries after the last exported one, which must still be there unchanged."""
    acts = mailroom.lines("/audit/export", **({"after": last["sequence"] - 1} if last else {}))
    if last and same(json.loads(next(acts, "{}"))) != same(last):
        raise ValueError(f"act {last['sequence']} of the record is not what was exported: run `mailroom audit verify`, keep this directory")
    return acts


def same(act):
    """Part of an act that must not change; details are hidden from a token once they concern a folder that became confidential."""
    return {name: value for name, value in act.items() if name != "detail"}


def save(file, lines):
    """A file that nobody else reads, whole and on disk before it has its name; how many lines. Without lines there is none."""
    unfinished = file.with_name(f".{file.name}.part")
    with open(unfinished, "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)) as written:
        count = sum(bool(written.write(line)) for line in lines)
        written.flush()
        os.fsync(written.fileno())
    if not count:
        unfinished.unlink()
        return 0
    unfinished.replace(file)
    names = os.open(file.parent, os.O_RDONLY)
    os.fsync(names)
    os.close(names)
    return count


def figures(mailroom, day):
    """Returns the tables of all reports about that day, as CSV by name."""
    about = {"since": day.isoformat(), "until": (day + timedelta(days=1)).isoformat()}
    for report in mailroom.get("/reports", **about)["items"]:
        for table in report["tables"]:
            text = mailroom.text(f"/reports/{report['name']}", format="csv", table=table["name"], **about)
            yield f"{report['name']}-{table['name']}.csv", text


def main():
    """The record, the rules, the figures."""
    parser = arguments("Take the record, the rules and yesterday's figures elsewhere.")
    parser.add_argument("directory", type=Path, help="where the files go; it must be there")
    asked, mailroom = opened(parser)
    if not asked.directory.is_dir():
        parser.error(f"{asked.directory} is no directory")
    now = datetime.now().astimezone()
    yesterday = (now - timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    last = last_act(asked.directory)
    number = last["sequence"] + 1 if last else 1
    acts = save(asked.directory / f"record-{number:012d}.jsonl", new_acts(mailroom, last))
    rules = save(asked.directory / f"rules-{now:%Y-%m-%d}.jsonl", mailroom.lines("/rules/export"))
    place = asked.directory / f"figures-{yesterday:%Y-%m-%d}"
    place.mkdir(mode=0o700, exist_ok=True)
    tables = [save(place / name, [text]) for name, text in figures(mailroom, yesterday)]
    print(f"{acts} acts, {rules} rules, {len(tables)} tables")
    return 0


if __name__ == "__main__":
    run("nightly_export", main)
