"""Claim: in the console the next message is painted 50 ms after its key (p95), however much mail waits.

Chromium over its DevTools protocol alone, the API as a process of its own on SQLite, each held message a row. Measured in the page, from
the key's own time until what it asks for has been painted: header and body of the next message; the end of the list from its beginning.
And from the navigation, with nothing in the cache, until the first rows are painted. At full speed and with the page's processor four
times slower; beside it a bare page that changes a word: the least that this browser takes here. `--size 1000000` for a million rows, and
`--kept DIRECTORY` to keep them for the next time: filling takes much longer than asking.
"""

import argparse
import sqlite3
import sys
import time

from sqlalchemy import update

from bench.rounds import devtools, filled_databases, goals, held, printing, processor, roles
from bench.rounds.watching import IN_PAGE
from tests.peers import processes
from tests.peers.company import Company
from triage.quarantine.triage_items import fold_counts
from triage.store import bodies, db
from triage.store.models.messages import Content
from triage.times import utcnow

SIZE = 100_000
ROUNDS, KEYS = 7, 60
PAUSE = 0.3  # seconds between keys: the frames around the cursor have time to fill, as with somebody who reads
SPEEDS = (1, 4)  # how many times slower the processor of the page is
J, END, HOME = ("j", 74), ("End", 35), ("Home", 36)
LETTER = b"From: w@host.example\r\nSubject: Letter\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + (
    b"<table><tr><td><h1>News of the week</h1><p style='color: #333'>A line of text as people write it, with a "
    b"<a href='https://shop.example/offer'>link</a> that leads somewhere.</p></td></tr></table>\r\n" * 40
)

STEP = "(() => { const before = bench.place(), header = () => bench.place() !== before && bench.header(); "
STEP += "bench.watch(header, () => header() && bench.body()) })()"
TO_END = "bench.watch(() => bench.place() === bench.last() && bench.header())"
TO_BEGINNING = "bench.watch(() => bench.place() === 1 && bench.header())"
BARE = "document.body.innerHTML = '<p>before</p>'; document.body.onkeydown = () => { document.body.firstChild.textContent += '.' }"


WORDS = {
    "bare": "a bare page: key to a word painted",
    "header": "key to the next header painted",
    "whole": "key to the whole next message painted",
    "end": "End: key to the last row and its header painted",
    "rows": "navigation to the first rows painted",
}
Seen = dict[str, list[float]]  # what was measured at one speed, in milliseconds, by the names of WORDS; and the bytes of a load


def main() -> int:
    """Measure and print."""
    wanted = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    wanted.add_argument("--size", type=int, default=SIZE, help="held messages, each a row")
    wanted.add_argument("--kept", help="where they lie, and stay")
    given = wanted.parse_args()
    size = given.size
    watch = processor.Watch(())
    with filled_databases.find_place("console", given.kept) as directory:
        lasting = "[retention]\nheld_days = 3650\n"  # the generator's mail is as old as it is
        company = Company(directory, f"sqlite:///{directory}/mailroom.db", f"maildir:{directory}/mailboxes", more=lasting)
        company.lay_out()
        company.run("sync", check=True)
        fill_company(company, size)
        try:
            with roles.start_role(company, "api"), devtools.open_page() as page:
                processes.until(company.shows_page, "the page is there", log=company.log)
                open_console(company, page)
                version = page.ask("Browser.getVersion")["product"]
                seen = {speed: measure_speed(page, company.url, speed) for speed in SPEEDS}
        except processes.Missing as missing:
            return printing.print_missing(missing)
    print_report(seen, size)
    fast, slow = (seen[speed] for speed in SPEEDS)
    goals.print_goals(
        {
            "console.key": printing.find_percentile(fast["whole"], 0.95),
            "console.rows": printing.find_percentile(fast["rows"], 0.5) / 1000,
            "console.rows-slow": printing.find_percentile(slow["rows"], 0.5) / 1000,
            "console.end": printing.find_percentile(fast["end"], 0.95),
            "console.load": printing.find_percentile(fast["load"], 0.5) / 1000,
        },
        of=size,
        whole=SIZE,
    )
    printing.print_machine(f"SQLite {sqlite3.sqlite_version}", version, others=[watch.stop()[2]])
    return 0


def fill_company(company: Company, size: int) -> None:
    """So much held messages, with the counts that upkeep keeps of it."""
    engine = db.open_engine(company.database)
    if filled_databases.is_empty(engine):
        held.fill_held([engine], size)
        with db.transaction(engine) as session:
            session.execute(update(Content).values(zstd=bodies.compress_body(LETTER), size=len(LETTER)))
    fold_counts.build_views(engine, now=utcnow())  # so that the API does not count again what expired since the generator's day
    fold_counts.note_anchors(engine)
    engine.dispose()


def open_console(company: Company, page: devtools.Page) -> None:
    """Sign staff in, with one row for each message."""
    with company.signed_in("jon") as desk:
        desk.client.patch("/preferences", json={"group": "none"}).raise_for_status()
        page.ask("Network.setCookie", name="mailroom", value=desk.client.cookies["mailroom"], url=company.url)
    page.ask("Network.setBypassServiceWorker", bypass=True)  # its cache outlives the browser's, and a first load has neither
    page.ask("Page.addScriptToEvaluateOnNewDocument", source=IN_PAGE)


def measure_speed(page: devtools.Page, url: str, speed: int) -> Seen:
    """Measure all steps at one processor speed."""
    page.ask("Emulation.setCPUThrottlingRate", rate=speed)
    seen: Seen = {name: [] for name in (*WORDS, "load")}
    page.ask("Page.navigate", url="about:blank")
    page.value(BARE)
    for _ in range(KEYS):
        seen["bare"] += press_key(page, J, "bench.watch(() => true)")
    for _ in range(ROUNDS):
        page.ask("Network.clearBrowserCache")
        page.ask("Page.navigate", url=url)
        seen["rows"].append(page.value("bench.rows"))
        seen["load"].append(page.value("bench.load()"))
        page.value("bench.after(() => bench.header() && bench.body())")
        page.value("document.getElementById('content').focus()")
        press_key(page, HOME, TO_BEGINNING)
        seen["end"] += press_key(page, END, TO_END)
        press_key(page, HOME, TO_BEGINNING)
    for _ in range(KEYS):
        header, whole = press_key(page, J, STEP)
        seen["header"].append(header)
        seen["whole"].append(whole)
    return seen


def press_key(page: devtools.Page, key: tuple[str, int], watch: str) -> list[float]:
    """Press a key after a while; after how many milliseconds each thing that is watched for was painted."""
    time.sleep(PAUSE)
    page.value(watch)
    page.press(*key)
    taken: list[float] = page.value("bench.seen")
    return taken


def print_report(seen: dict[int, Seen], size: int) -> None:
    """Print it."""
    print(f"{size:,} rows; {KEYS} keys, {ROUNDS} loads and jumps")
    for speed, one in seen.items():
        head = (f"milliseconds, processor {speed} × slower" if speed > 1 else "milliseconds", "p50", "p95", "p50 to a bare page", "to 1 ×")
        printing.print_table(head, [format_line(name, one, seen[SPEEDS[0]]) for name in WORDS])


def format_line(name: str, seen: Seen, fast: Seen) -> tuple[str, ...]:
    """Line of the table."""
    half = printing.find_percentile(seen[name], 0.5)
    ratios = (printing.format_ratio(half, printing.find_percentile(other, 0.5)) for other in (seen["bare"], fast[name]))
    return WORDS[name], f"{half:.0f}", f"{printing.find_percentile(seen[name], 0.95):.0f}", *ratios


if __name__ == "__main__":
    sys.exit(main())
