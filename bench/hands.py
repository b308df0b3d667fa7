"""Claim: by keyboard a decided row takes 1.5 keys, painted in 50 ms (p95), and no careless key releases what is dangerous.

`mailroom demo` with its morning of mail, and Chromium over its DevTools protocol. The hands follow the policy of `bench/hands.toml`: each
row is opened and decided singly, and navigation, sheets, undo and second looks count. Before that somebody careless presses keys at each
dangerous row; those count as errors where they release it, not as keys. Beside the figures: what was released and removed by mistake.
"""

import argparse
import contextlib
import json
import os
import sqlite3
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from bench.rounds import devtools, goals, printing, processor
from bench.rounds.watching import IN_PAGE
from demo import company, morning
from demo.correspondence import write_morning as letters
from tests.peers import processes
from tests.peers.company import ROOT
from triage.message import summary

POLICY = Path(__file__).with_suffix(".toml")
CODES = {"Enter": 13, "Escape": 27, "Home": 36}  # of keys, as Windows numbers them; of a letter its own
PATIENCE = 3.0  # seconds in which a key shows something, if it does at all
SETTLES = 1.5  # seconds after careless keys: whatever they released is on record by then
RELEASED, REMOVED = ("queued", "relaying", "delivered"), ("purged", "recalling", "rejected")
ASKS = "document.querySelector('dialog[open], .confirm')"
COUNTS = "document.querySelector('dialog[open] :is(.go, .block)[aria-disabled=true], dialog[open] :is(.go, .block):disabled')"
# What a key may change: the row, whether something is asked, and whether the row is decided
SIGHT = f"JSON.stringify([bench.place(), document.querySelector('.view h2')?.textContent, Boolean({ASKS}), "
SIGHT += "Boolean(document.querySelector('.view .decided'))])"
PAINTED = (
    f"(() => {{ const before = {SIGHT}, begun = performance.now(); bench.watch(() => performance.now() - begun > {PATIENCE * 1000} || "
)
PAINTED += f"({SIGHT} !== before && ({ASKS} || (bench.header() && bench.body())))) }})()"
LOOK = f"""({{
  subject: document.querySelector('.view h2')?.textContent ?? '', place: bench.place(), last: bench.last(), asks: Boolean({ASKS}),
  open: Boolean(document.querySelector('.view .acts')) || Boolean({ASKS}), sight: {SIGHT},
}})"""


@dataclass(frozen=True, slots=True)
class Policy:
    """Reading speed and decisions of a simulated receptionist, from `hands.toml`."""

    login: str
    reads: float
    reads_sheet: float
    keys: Mapping[str, str]  # of the acts
    answers: Mapping[str, Sequence[str]]  # to what an act asks
    back: Sequence[str]
    undo: str
    next: str
    first: str
    acts: Mapping[str, str]  # by kind of letter
    classes: Mapping[str, str]  # wanted, unwanted or dangerous, by kind
    slips: Mapping[str, str]  # by kind
    careless: Sequence[Sequence[str]]
    gap: float

    @classmethod
    def read(cls, path: Path) -> "Policy":
        """The policy in a file; KeyError or ValueError where it does not say everything once."""
        told = tomllib.loads(path.read_text())
        named = [(kind, act, group) for group, acts in told["kinds"].items() for act, kinds in acts.items() for kind in kinds]
        if twice := [kind for kind, count in Counter(kind for kind, _, _ in named).items() if count > 1]:
            raise ValueError(f"{path}: {', '.join(twice)} stands twice")
        return cls(
            login=told["desk"]["login"],
            reads=told["desk"]["reads_seconds"],
            reads_sheet=told["sheets"]["reads_seconds"],
            keys={act: one["key"] for act, one in told["acts"].items()},
            answers={act: told["sheets"][act] for act in told["acts"]},
            back=told["sheets"]["back"],
            undo=told["undo"]["key"],
            next=told["navigation"]["next"],
            first=told["navigation"]["first"],
            acts={kind: act for kind, act, _ in named},
            classes={kind: group for kind, _, group in named},
            slips={one["kind"]: one["act"] for one in told["slips"]},
            careless=told["careless"]["sequences"],
            gap=told["careless"]["gap_seconds"],
        )


@dataclass(slots=True)
class Counts:
    """Counts of the keys pressed and the rows decided."""

    keys: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    questions: int = 0  # before the release of something wanted
    paints: list[tuple[str, float]] = field(default_factory=list)  # what the key was for, and milliseconds
    careless: list[str] = field(default_factory=list)  # the kind, and the keys that released it
    strays: int = 0  # other messages that careless keys released


@dataclass(slots=True)
class Hands:
    """Simulated receptionist at the console."""

    page: devtools.Page
    client: httpx.Client
    url: str
    policy: Policy
    kinds: Mapping[str, str]  # by subject
    counts: Counts = field(default_factory=Counts)

    def look(self) -> dict[str, Any]:
        """Read what the screen shows."""
        seen: dict[str, Any] = self.page.value(LOOK)
        return seen

    def press(self, key: str, what: str) -> None:
        """A key that counts, and how soon what it asks for was painted."""
        self.page.value(PAINTED)
        self.page.press(key, CODES.get(key, ord(key[:1].upper())))
        (taken,) = self.page.value("bench.seen")
        if taken < PATIENCE * 1000:
            self.counts.paints.append((what, taken))
        self.counts.keys[what] += 1

    def tap(self, key: str) -> None:
        """A key that does not count."""
        self.page.press(key, CODES.get(key, ord(key[:1].upper())))

    def at_rest(self) -> None:
        """The message under the cursor is painted, and was read."""
        self.page.value(f"bench.after(() => {ASKS} || (bench.header() && bench.body()))")
        time.sleep(self.policy.reads)

    def kind(self) -> str:
        """Return the kind of the open message; KeyError where the demo did not send it, or the policy does not know it."""
        return self.kinds[self.look()["subject"]]

    def work(self) -> None:
        """The whole list, from its top."""
        slips = dict(self.policy.slips)
        passed = 0  # rows beside which there was nothing to decide
        while passed <= self.look()["last"]:
            self.at_rest()
            if not self.look()["open"]:
                if not self.waits():
                    return
                self.press(self.policy.next, "navigation")
                passed += 1
                continue
            passed = 0
            kind = self.kind()
            if slip := slips.pop(kind, ""):
                self.slip(slip)
                self.at_rest()
            self.decide(kind)
            self.counts.rows += 1

    def waits(self) -> bool:
        """Whether anything is still held, once all that was decided is carried out."""
        until = time.monotonic() + PATIENCE
        while there := bool(self.client.get("/triage", params={"limit": 1, "group": "campaign"}).json()["items"]):
            if time.monotonic() > until:
                break
            time.sleep(0.1)
        return there

    def decide(self, kind: str) -> None:
        """The act of the policy, and answers to what it asks."""
        act = self.policy.acts[kind]
        self.press(self.policy.keys[act], act)
        if not self.look()["asks"]:
            return
        if act != "remove" and self.policy.classes[kind] == "wanted":
            self.counts.questions += 1
        for key in (*self.policy.answers[act], *self.policy.answers[act]):
            self.page.value(f"bench.after(() => !({COUNTS}))")
            time.sleep(self.policy.reads_sheet)
            self.press(key, "sheets")
            if not self.look()["asks"]:
                return
        raise RuntimeError(f"what {act} of {kind!r} asked cannot be answered by {self.policy.answers[act]}")

    def slip(self, act: str) -> None:
        """The wrong act, noticed: left where it asks, taken back where it was done."""
        subject = self.look()["subject"]
        self.press(self.policy.keys[act], "slips")
        asked = self.look()["asks"]
        time.sleep(self.policy.reads_sheet)
        for key in self.policy.back if asked else [self.policy.undo]:
            self.press(key, "slips")
        same = f"document.querySelector('.view h2')?.textContent === {json.dumps(subject)}"
        self.page.value(f"bench.after(() => {same} && document.querySelector('.view .acts'))")

    def be_careless(self) -> None:
        """At each dangerous row each careless sequence; what was released by one is held again before the next."""
        for place in range(1, self.look()["last"] + 1):
            if self.policy.classes[self.kind()] == "dangerous":
                for sequence in self.policy.careless:
                    self.press_carelessly(place, sequence)
            self.tap(self.policy.next)
            self.at_rest()

    def press_carelessly(self, place: int, sequence: Sequence[str]) -> None:
        """Presses one sequence of keys at one row, from the top of the list, without looking."""
        kind, before = self.kind(), self.releases()
        for key in sequence:
            self.tap(key)
            time.sleep(self.policy.gap)
        time.sleep(SETTLES)
        self.tap("Escape")
        made = self.releases() - before
        for one in made:
            self.count_release(one, kind, sequence)
            self.client.post(f"/decisions/{one}/undo").raise_for_status()
        if made or self.look()["place"] != place:
            self.open()
            self.go_to(place)

    def open(self) -> None:
        """The console again, at the top of the list, the first message painted."""
        self.page.ask("Page.navigate", url=self.url)
        self.page.value("bench.rows")
        self.page.value("bench.after(() => bench.header() && bench.body())")
        self.page.value("document.getElementById('content').focus()")
        self.at_rest()

    def go_to(self, place: int) -> None:
        """From the top to this row."""
        for _ in range(place - 1):
            self.tap(self.policy.next)
        self.page.value(f"bench.after(() => bench.place() === {place} && bench.header())")
        self.at_rest()

    def releases(self) -> set[str]:
        """The decisions that release something, and were not undone."""
        items = self.client.get("/decisions", params={"limit": 100}).json()["items"]
        return {one["id"] for one in items if one["verb"] == "release" and not one["undone_by"]}

    def count_release(self, decision: str, kind: str, sequence: Sequence[str]) -> None:
        """A release by careless keys: of what is dangerous, or of another row that came under them."""
        items = self.client.get(f"/decisions/{decision}").json()["items"]
        messages = [self.client.get(f"/deliveries/{one['delivery']}").json() for one in items]
        if any(self.policy.classes[self.kinds[mail["subject"]]] == "dangerous" for mail in messages):
            self.counts.careless.append(f"{kind} by {' '.join(sequence)}")
        else:
            self.counts.strays += 1


def main() -> int:
    """Measure and print."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "").parse_args()
    policy = Policy.read(POLICY)
    watch = processor.Watch(())
    with processes.short_directory("hands") as directory, demo_company(directory) as url:
        try:
            with devtools.open_page() as page, signed_in(url, policy.login) as client:
                hands = Hands(page, client, url, policy, play_morning(directory, client))
                page.ask("Network.setCookie", name="mailroom", value=client.cookies["mailroom"], url=url)
                page.ask("Page.addScriptToEvaluateOnNewDocument", source=IN_PAGE)
                version = page.ask("Browser.getVersion")["product"]
                hands.open()
                hands.be_careless()
                hands.open()
                hands.work()
                released, removed = count_mistakes(hands)
        except processes.Missing as missing:
            return printing.print_missing(missing)
    print_report(hands.counts, released, removed)
    printing.print_machine(f"SQLite {sqlite3.sqlite_version}", version, others=[watch.stop()[2]])
    return 0


@contextlib.contextmanager
def demo_company(directory: Path) -> Iterator[str]:
    """`mailroom demo` without its mail, when the console answers."""
    smtp, http, outbound = (processes.free_port() for _ in range(3))
    (directory / "smtp-port").write_text(str(smtp))
    words = ["demo", "--no-mail", "--directory", str(directory / "demo")]
    ports = ["--smtp-port", str(smtp), "--http-port", str(http), "--outbound-port", str(outbound)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    process = processes.start([sys.executable, "-m", "triage_cli", *words, *ports], directory / "log", environment=environment)
    url = f"http://127.0.0.1:{http}"
    try:
        processes.until(lambda: has_answered(f"{url}/readyz"), "the demo is ready", process, directory / "log")
        yield url
    finally:
        processes.stop(process)


def has_answered(url: str) -> bool:
    """Whether somebody says 200 there."""
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(url, timeout=60).status_code == 200
    return False


@contextlib.contextmanager
def signed_in(url: str, login: str) -> Iterator[httpx.Client]:
    """A member of the demo's staff at the API."""
    with httpx.Client(base_url=f"{url}/api/v1", headers={"Origin": url}, timeout=processes.HANG) as client:
        client.post("/session", json={"login": login, "password": company.PASSWORD}).raise_for_status()
        yield client


def play_morning(directory: Path, client: httpx.Client) -> dict[str, str]:
    """The morning comes in, whole; the kind of each subject. ValueError where two kinds share one."""
    sent = letters(seed=1, start=datetime.now(UTC))
    kinds: dict[str, str] = {}
    for one in sent:
        subject = summary.make_summary(one.raw).subject
        if kinds.setdefault(subject, one.kind) != one.kind:
            raise ValueError(f"{subject!r} is of two kinds")
    played = morning.play_morning(directory / "demo", "127.0.0.1", int((directory / "smtp-port").read_text()))
    refused = len(played.refused)

    def judged() -> bool:
        came = {one["message_id"] for one in read_every(client, "/deliveries", state=["held", *RELEASED, *REMOVED])}
        return len(came) >= len(sent) - refused

    processes.until(judged, "all of the morning is judged")
    return kinds


def read_every(client: httpx.Client, path: str, **asked: Any) -> Iterator[dict[str, Any]]:
    """All items of a list."""
    cursor = None
    while True:
        page = client.get(path, params={"limit": 200, **asked, **({"cursor": cursor} if cursor else {})}).raise_for_status().json()
        yield from page["items"]
        if not (cursor := page["next_cursor"]):
            return


def count_mistakes(hands: Hands) -> tuple[int, int]:
    """Count the dangerous messages that staff released, and the wanted ones that they removed."""
    decided = [one for one in read_every(hands.client, "/deliveries", state=[*RELEASED, *REMOVED]) if one["decided"]]
    classed = [(hands.policy.classes[hands.kinds[one["subject"]]], one) for one in decided if one["decided"]["by"].startswith("person:")]
    released = sum(group == "dangerous" and one["state"] in RELEASED for group, one in classed)
    return released, sum(group == "wanted" and one["state"] in REMOVED for group, one in classed)


def line_of(counts: Counts, what: str) -> tuple[str, ...]:
    """The keys for this: how many, how many a row, and how soon what they ask for was painted, in milliseconds."""
    count, taken = counts.keys[what], [one for about, one in counts.paints if about == what]
    return (
        what,
        str(count),
        f"{count / counts.rows:.2f}",
        f"{printing.find_percentile(taken, 0.5):.0f}",
        f"{printing.find_percentile(taken, 1):.0f}",
    )


def print_report(counts: Counts, released: int, removed: int) -> None:
    """Print it, and tell the goals."""
    keys, rows = counts.keys.total(), counts.rows
    every = [taken for _, taken in counts.paints]
    p95 = printing.find_percentile(every, 0.95)
    print(
        f"{rows} rows decided singly with {keys} keys; key to paint {printing.find_percentile(every, 0.5):.0f} ms (p50), {p95:.0f} ms (p95)"
    )
    printing.print_table(("keys", "of all", "a row", "ms p50", "slowest"), [line_of(counts, what) for what, _ in counts.keys.most_common()])
    for one in counts.careless:
        print(f"released carelessly: {one}")
    if counts.strays:
        print(f"beside them careless keys released {counts.strays} messages that are not dangerous, of other rows")
    goals.print_goals(
        {
            "hands.keys": keys / rows,
            "hands.paint": p95,
            "hands.released": released,
            "hands.careless": len(counts.careless),
            "hands.removed": removed,
            "hands.questions": 100 * counts.questions / rows,
        }
    )


if __name__ == "__main__":
    sys.exit(main())
