"""`mailroom seed`: what it reads, what it says in a pipe and on a terminal, and what it refuses."""

import functools
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from mailboxes.sources.seed_contacts import Plan, Report
from tests.triage_cli.conftest import Shell
from triage.policy.contacts import contact_evidence
from triage.store import db
from triage.store.models.contacts import Contact
from triage_cli.commands.past_mail import seed_contacts

JOE = "joe.fern@company.example"
MAIL = b"From: joe.fern@company.example\nTo: %s@partner.example\nDate: 3 Nov 2026 10:00:00 +0000\nMessage-ID: <%s@x>\n\nhello\n"


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    """Joe's Maildir with two sent messages, as an mbox too."""
    folder = tmp_path / "maildirs" / JOE / "Maildir" / ".Sent" / "cur"
    folder.mkdir(parents=True)
    messages = [MAIL % (name, name) for name in (b"ann", b"bob")]
    for number, mail in enumerate(messages):
        (folder / f"179500000{number}.x.host:2,S").write_bytes(mail)
    (tmp_path / "sent-mail").write_bytes(b"".join(b"From joe Tue Nov  3 10:00:00 2026\n" + mail + b"\n" for mail in messages))
    return tmp_path


def report(out: str) -> dict[str, Any]:
    """The last line, which is the report."""
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    assert found["event"] == "report"
    return found


def test_seed_tells_a_pipe_in_json_lines(shell: Shell, sent: Path, engine: Engine) -> None:
    said = shell("seed", "maildir", str(sent / "maildirs"))
    assert (said.code, said.err) == (0, "")
    first = json.loads(said.out.splitlines()[0])
    assert (first["event"], first["account"], first["done"], first["messages"], first["learned"]) == ("account", JOE, 1, 2, 2)
    assert report(said.out) | {"source": ""} == {
        "event": "report", "accounts": 1, "done": 1, "failed": 0, "folders": 1, "messages": 2, "addresses": 2, "learned": 2, "known": 0,
        "without_sent_folder": 0, "skipped": {}, "old": 0, "unreadable": {}, "failures": {}, "source": "", "dry_run": False,
    }  # fmt: skip
    with db.read_transaction(engine) as session:
        assert session.scalars(select(col(Contact.how))).all() == ["seed", "seed"]


def test_a_dry_run_learns_nothing(shell: Shell, sent: Path, engine: Engine) -> None:
    assert report(shell("seed", "maildir", str(sent / "maildirs"), "--dry-run").out)["learned"] == 2
    with db.read_transaction(engine) as session:
        assert session.scalars(select(Contact)).all() == []


@pytest.mark.parametrize(("since", "messages"), [("2026-11-03", 2), ("2026-11-04", 0), ("2026-11-03T23:00+00:00", 2)])
def test_since_is_a_day(shell: Shell, sent: Path, since: str, messages: int) -> None:
    assert report(shell("seed", "mbox", str(sent / "sent-mail"), "--owner", JOE, "--since", since).out)["messages"] == messages


def test_an_mbox_names_its_owner_or_is_told(shell: Shell, sent: Path) -> None:
    (sent / "sent-mail").rename(sent / "joe fern")
    said = shell("seed", "mbox", str(sent / "joe fern"))
    assert (said.code, "give --owner ADDRESS" in said.err) == (2, True)
    assert report(shell("seed", "mbox", str(sent / "joe fern"), "--owner", JOE).out)["learned"] == 2


WRONG = [
    ("maildir {0}/nowhere", "is no directory"),
    ("maildir {0}/bare", "there is no Maildir whose path names its owner"),
    ("maildir {0}/maildirs ann@company.example", "there is no Maildir of ann@company.example"),
    ("maildir {0}/maildirs ann", "“ann” is not an email address"),
    ("maildir {0}/maildirs --since yesterday", '--since: "yesterday" is no date'),
    ("mbox {0}/nowhere", "is not there"),
    ("imap", "give --server, or set recall.imap"),
    ("imap --server imap://127.0.0.1", "recall.master_user is missing"),
    ("imap --server ftp://x --auth per-account --password-file x", "recall.imap must be imaps://HOST"),
    ("imap --server imap://127.0.0.1 --accounts {0}/none", "none cannot be read: No such file"),
    ("imap --server imap://127.0.0.1 --accounts {0}/empty", "empty lists nobody"),
    ("imap --server imap://127.0.0.1 --accounts {0}/mixed", "mixed, line 3: the other lines have a password"),
    ("imap --server imap://127.0.0.1 --accounts {0}/typo", "typo, line 2: “joe” is not an email address"),
]


def test_what_cannot_work_is_said_before_anything_is_read(shell: Shell, tmp_path: Path, sent: Path) -> None:
    (tmp_path / "empty").write_text("# nobody yet\n\n")
    (tmp_path / "mixed").write_text(f"{JOE}:secret\n\nann@company.example\n")
    (tmp_path / "typo").write_text(f"{JOE}:secret\njoe:secret\n")
    (tmp_path / "bare").mkdir()
    for words, why in WRONG:
        said = shell("seed", *words.format(tmp_path).split())
        assert (words, said.code, said.out, why if why in said.err else said.err) == (words, 2, "", why)


def test_an_account_that_cannot_be_read_is_named_and_the_exit_code_says_so(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triage_cli.commands.past_mail.seed_contacts.Plan", functools.partial(Plan, pause=0.01))
    (tmp_path / "accounts").write_text(f"{JOE}:secret\n")
    said = shell("seed", "imap", "--server", "imap://127.0.0.1:1", "--accounts", str(tmp_path / "accounts"))
    assert said.code == 1
    assert "cannot be reached" in report(said.out)["failures"][JOE]


def test_a_terminal_gets_a_report_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    found = Report(accounts=3, done=2, failed={JOE: "no \x1b[31mway"}, without=1, folders=1, messages=1200, found=1300)
    found.learned.learned, found.learned.known = 1000, 20
    found.learned.skipped[contact_evidence.Reason.AUTOMATIC] = 7
    found.unreadable["larger than is read"] = 1
    seed_contacts.print_seed_report(found, "x", 9, dry_run=True, as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "2 of 3 accounts read: 1 sent folder, 1,200 new messages",
        "1,300 addresses in them: 1,000 would be learned, 20 written to again",
        "9 of them had their last message more than 3 years ago. They lapse after 60 days without a message.",
        "NOT LEARNED  WHY",
        "7            it is an automatic reply, such as an out-of-office notice",
        "1            it could not be read: larger than is read",
        "1 account without a sent folder.",
        "ACCOUNT                   NOT READ",
        f"{JOE}  no \\x1b[31mway",
    ]


def test_the_bar_says_how_fast_it_goes(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("click._termui_impl.isatty", lambda stream: True)
    bar = seed_contacts.Bar()
    with bar:
        bar(Report(accounts=4, done=1, messages=200, left={"a": 100}), "a")
        bar(Report(accounts=4, done=4, messages=800), "b")
    drawn = capsys.readouterr().err
    assert "4 of 4 accounts, 800 messages" in drawn
    assert "100%" in drawn
