"""The numbers of a simulation are those that one counts by hand, whatever was left of the proofs; and nothing is written anywhere."""

import json
import math
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, inspect, text

from demo import company
from demo.keys import Key, read_keys
from demo.prepare import keys_directory, prepare_demo
from directory_sync.toml import toml_reader
from mail_auth.dns.zone_file import ZoneFileResolver
from tests.demo.test_verdicts import IDA, SYSTEM, expected
from tests.triage_cli.conftest import Said
from tests.triage_cli.past_company import ANSWER_AFTER, SERVER, Copy, Post, fill
from triage.config import settings_loader
from triage.directory import apply as directory
from triage.policy.decide import Disposition
from triage.policy.rules import store as rules
from triage.store import db
from triage_cli import main

START = datetime(2026, 11, 16, tzinfo=UTC)  # a Monday
DAYS = 2
NOW = START + timedelta(days=DAYS)
SECONDS = 30


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo as `mailroom demo` lays it out."""
    return prepare_demo(tmp_path_factory.mktemp("rehearsed") / "company").parent


@pytest.fixture(scope="module")
def signing(demo: Path) -> dict[str, Key]:
    """The keys of its senders."""
    return read_keys(keys_directory(demo))


@pytest.fixture(scope="module")
def copies(demo: Path, signing: dict[str, Key]) -> list[Copy]:
    """Copies in the company's mailboxes."""
    with pytest.MonkeyPatch.context() as patch:
        post = Post(demo / "old", signing, ZoneFileResolver(str(demo / "demo.zone")))
        return fill(post, patch, start=START, days=DAYS)


Shell = Callable[..., Said]


@pytest.fixture
def simulate(
    demo: Path, copies: list[Copy], database_url: str, engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Shell:
    """`simulate("maildir", …)` in the company, with its directory and rules in a database of either kind."""
    assert copies
    config = tmp_path / "mailroom.toml"
    config.write_text((demo / "mailroom.toml").read_text().replace(f"sqlite:///{demo / 'mailroom.db'}", database_url))
    settings = settings_loader.read_settings(str(config), {})
    people = toml_reader.read_directory(Path(settings.directory.file), settings.company.domains)
    with db.transaction(engine) as session:
        directory.apply_directory(session, people, settings.company, by=SYSTEM, now=START)
        for order in company.RULES:
            rules.add_rule(session, order, by=IDA, now=START, settings=settings)

    def run(*words: str) -> Said:
        capsys.readouterr()
        common = ["--until", NOW.isoformat(), "--days", str(DAYS), "--seconds-per-row", str(SECONDS)]
        code = main.run_command(
            lambda: main.mailroom(["--config", str(config), "rehearse", words[0], *common, *words[1:]], standalone_mode=False)
        )
        printed = capsys.readouterr()
        return Said(code, printed.out, printed.err)

    return run


def verdict(copy: Copy) -> str:
    """Expected verdict for a message of this kind."""
    return expected(copy.kind)[0]


def by_hand(copies: list[Copy]) -> dict[str, int]:
    """Counted one by one."""
    found = Counter(verdict(one) for one in copies)
    return {"messages": found.total(), "passed": found["relay"], "held": found["quarantine"], "purged": found["purge"]}


def parted(copies: list[Copy], by: Callable[[Copy], Any]) -> dict[Any, dict[str, int]]:
    """The same for each part."""
    return {name: by_hand([one for one in copies if by(one) == name]) for name in {by(one) for one in copies}}


def rows_by_hand(copies: list[Copy]) -> tuple[list[datetime], list[float]]:
    """When rows open, and how long each held message that was answered waited: one person works through it second by second."""
    held = sorted((one for one in copies if verdict(one) == "quarantine"), key=lambda one: (one.arrived, one.mailbox, one.author))
    opened: list[datetime] = []
    waits: list[float] = []
    queue: list[tuple[str, list[Copy]]] = []  # the rows that are not decided yet, the one in hand first
    ready = START
    for copy in held:
        while queue and ready <= copy.arrived:
            waits += [(ready - one.arrived).total_seconds() for one in queue.pop(0)[1] if one.answered]
            ready += timedelta(seconds=SECONDS)
        item = next((item for author, item in queue if author == copy.author), None)
        if item is not None:
            item.append(copy)
            continue
        if not queue:
            ready = copy.arrived + timedelta(seconds=SECONDS)
        queue.append((copy.author, [copy]))
        opened.append(copy.arrived)
    for _, item in queue:
        waits += [(ready - one.arrived).total_seconds() for one in item if one.answered]
        ready += timedelta(seconds=SECONDS)
    return opened, sorted(waits)


def test_the_numbers_are_those_of_a_hand_count(simulate: Shell, demo: Path, copies: list[Copy]) -> None:
    said = simulate("maildir", str(demo / "old"), "--trust", SERVER, "--group", "sender", "--json")
    assert said.code == 0, said
    found = json.loads(said.out)
    attacks_and_rules(found, copies)
    assert found["total"] == by_hand(copies)
    assert dict(found["departments"]) == parted(copies, lambda one: one.department)
    by_day = parted(copies, lambda one: one.arrived.weekday())
    assert found["weekdays"] == [by_day.get(day, by_hand([])) for day in range(7)]
    by_hour = parted(copies, lambda one: one.arrived.hour)
    assert found["hours"] == [by_hour.get(hour, by_hand([])) for hour in range(24)]
    assert found["mailboxes"] == len({one.mailbox for one in copies})
    assert dict(found["rules"]) == Counter(expected(one.kind)[1] for one in copies)
    opened, waits = rows_by_hand(copies)
    hours = Counter((at.weekday(), at.hour) for at in opened)
    assert found["rows"] == len(opened)
    assert found["rows_by_hour"] == [[float(hours[day, hour]) for hour in range(24)] for day in range(7)]
    assert found["busiest_hour"][2] == max(hours.values())
    assert found["minutes_a_day"] == pytest.approx(len(opened) * SECONDS / 60 / DAYS)
    assert found["people_needed"] == math.ceil(len(opened) * SECONDS / 60 / DAYS / 300)
    wanted = [one for one in copies if one.answered]
    assert {name: found["wanted"][name] for name in ("answered", "passed", "held", "purged")} == {
        "answered" if name == "messages" else name: count for name, count in by_hand(wanted).items()
    }
    assert len(waits) == found["wanted"]["held"] > 5
    assert found["wanted"]["longest_seconds"] == waits[-1]
    assert found["wanted"]["median_seconds"] == waits[math.ceil(len(waits) / 2) - 1]
    assert found["wanted"]["answered_sooner"] == sum(wait > ANSWER_AFTER.total_seconds() for wait in waits)


PHISHING = {"phishing", "ceo-fraud", "customs", "gift-cards", "own-domain", "forged-supplier", "forged-craftsman", "dangerous-attachment"}


def attacks_and_rules(found: dict[str, Any], copies: list[Copy]) -> None:
    """Assert that every attack is caught, and that no rule for one is suggested."""
    bad = [one for one in copies if one.kind in PHISHING]
    assert found["attacks"]["held"] >= len(bad)
    assert found["attacks"]["passed"] == 0
    strangers = Counter(one.author.rpartition("@")[2] for one in copies if expected(one.kind) == (Disposition.QUARANTINE, "first-contact"))
    helped = [one["messages"] for one in found["proposals"]]
    assert helped == sorted(helped, reverse=True)
    assert 0 < helped[0] <= strangers.most_common(1)[0][1]
    assert len(helped) <= 20
    proposed = [one["remedy"] for one in found["proposals"]]
    crooks = {name for one in bad for name in (one.author, one.author.rpartition("@")[2]) if expected(one.kind)[1] == "first-contact"}
    assert not crooks & {one["value"] for one in proposed}
    assert not set(company.FREEMAIL) & {one["value"] for one in proposed}


SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # where the kind makes no difference


@pytest.mark.long
@SQLITE
def test_where_the_keys_are_gone_the_old_results_prove_as_much(simulate: Shell, demo: Path, copies: list[Copy], tmp_path: Path) -> None:
    zone = demo / "demo.zone"
    published = zone.read_text()
    zone.write_text("".join(line for line in published.splitlines(keepends=True) if "_domainkey" not in line))
    try:
        found = json.loads(simulate("maildir", str(demo / "old"), "--trust", SERVER, "--json").out)
        doubted = json.loads(simulate("maildir", str(demo / "old"), "--json").out)
    finally:
        zone.write_text(published)
    assert found["total"] == by_hand(copies)
    assert doubted["total"]["passed"] < found["total"]["passed"]  # nobody vouches for that server's results
    keyed = json.loads(simulate("maildir", str(demo / "old"), "--json").out)
    assert keyed["total"]["passed"] == by_hand([one for one in copies if one.kind != "craftsman"])["passed"]  # who proves it by SPF alone


def test_nothing_is_written_to_the_database(simulate: Shell, demo: Path, engine: Engine) -> None:
    before = everything(engine)
    assert simulate("maildir", str(demo / "old"), "chiara.bellandi@company.example").code == 0
    assert everything(engine) == before


@SQLITE
@pytest.mark.long
def test_mbox_files_tell_the_same(simulate: Shell, demo: Path, tmp_path: Path) -> None:
    """The same mailboxes as files: what came in and what was sent, without the names that told when."""
    for box in (demo / "old").iterdir():
        for folder, name in ((box, "INBOX"), (box / ".Sent", "Sent")):
            stored = sorted(path for part in ("cur", "new") for path in (folder / part).glob("*"))
            file = tmp_path / "boxes" / box.name / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"".join(b"From x Tue Nov 24 00:00:00 2026\n" + quoted(path.read_bytes()) + b"\n" for path in stored))
    words = ("--trust", SERVER, "--json")
    files, directories = simulate("mbox", str(tmp_path / "boxes"), *words), simulate("maildir", str(demo / "old"), *words)
    assert files.code == 0, files
    assert json.loads(files.out)["total"] == json.loads(directories.out)["total"]


def quoted(raw: bytes) -> bytes:
    """A message as an mbox keeps it."""
    return raw.replace(b"\nFrom ", b"\n>From ")


def everything(engine: Engine) -> dict[str, Any]:
    """Rows of all tables."""
    with engine.connect() as connection:
        return {
            table: sorted(map(str, connection.execute(text(f'SELECT * FROM "{table}"')))) for table in inspect(engine).get_table_names()
        }


@SQLITE
def test_the_report_is_one_page_that_loads_nothing(simulate: Shell, demo: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    said = simulate("maildir", str(demo / "old"), "--trust", SERVER, "--html", str(file))
    assert (said.code, f"The report with plots is in {file}." in said.out) == (0, True)
    assert "of work" in said.out
    seen = Seen()
    seen.feed(file.read_text())
    assert seen.tags["svg"] >= 5
    assert not {"script", "img", "link", "iframe"} & set(seen.tags)
    assert seen.loaded == []
    assert {"Work for staff", "Attacks", "Rules that would help most", "Wanted messages that would have waited"} <= set(seen.words)


@SQLITE
def test_addresses_that_the_directory_has_forgotten_are_named_before_the_door_refuses_them(simulate: Shell, tmp_path: Path) -> None:
    """The last server's recipient counts, then To and Cc; each message once, even if it is in two mailboxes."""
    home = company.DOMAIN
    messages = [
        ("", f"Tickets <tickets@{home}>", 1),
        (f"X-Original-To: Scan@{home}\n", f"chiara.bellandi@{home}, x@elsewhere.example, postmaster@{home}", 2),
        ("", f"tickets@{home}, chiara.bellandi+shop@{home}, <script>@{home}", 3),
    ]
    for mailbox in ("chiara.bellandi", "ida.lindqvist"):
        for top, to, number in messages:
            path = tmp_path / "old" / f"{mailbox}@{home}" / "cur" / f"{int(START.timestamp()) + 60}.{number}.old:2,"
            path.parent.mkdir(parents=True, exist_ok=True)
            trace = f"Received: from mail.x.example ([192.0.2.7]) by {SERVER}; Mon, 16 Nov 2026 09:00:00 +0000\n"
            path.write_text(f"{top}{trace}From: a@x.example\nTo: {to}\nMessage-ID: <{number}@x.example>\nSubject: one\n\nHello\n")
    page = tmp_path / "report.html"
    said = simulate("maildir", str(tmp_path / "old"), "--html", str(page))
    assert said.code == 0, said
    assert [line.split() for line in said.out.splitlines() if line.endswith(("1", "2")) and "@" in line] == [
        [f"tickets@{home}", "2"],
        [f"scan@{home}", "1"],
    ]
    assert "as a further address" in said.out
    assert f"<td>tickets@{home}</td>" in page.read_text()
    assert json.loads(simulate("maildir", str(tmp_path / "old"), "--json").out)["refused"] == {f"tickets@{home}": 2, f"scan@{home}": 1}


@SQLITE
def test_a_report_that_cannot_be_written_is_refused_before_anything_is_read(simulate: Shell, demo: Path, tmp_path: Path) -> None:
    said = simulate("maildir", str(demo / "old"), "--html", str(tmp_path / "gone" / "report.html"))
    assert (said.code, "cannot be written; nothing was read yet" in said.err, said.out) == (2, True, "")


class Seen(HTMLParser):
    """Elements of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.loaded: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href", "data") or name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@SQLITE
def test_a_mailbox_of_nobody_is_named_and_the_others_are_read(simulate: Shell, demo: Path, tmp_path: Path) -> None:
    stranger = tmp_path / "old" / "nobody@company.example"
    (stranger / "cur").mkdir(parents=True)
    (stranger / "cur" / "1794800000.1.old:2,").write_bytes(b"From: a@x.example\n\nHello\n")
    said = simulate("maildir", str(tmp_path / "old"))
    assert (said.code, "is nobody's mailbox in the directory" in said.err) == (1, True)
    said = simulate("maildir", str(tmp_path / "old"), "x@company.example")
    assert (said.code, "there is no Maildir of x@company.example" in said.err) == (2, True)
