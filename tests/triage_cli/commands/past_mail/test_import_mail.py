"""Old messages come in through the policy, once however often it is brought, and wherever it broke off."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage_cli.conftest import Shell
from triage.intake import import_mail
from triage.store import bodies, db
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message
from triage.times import utcnow

TO = "it+joe.fern@company.example"
SERVER = "mx.old.example"


def one(number: int, *, results: str = "", author: str = "sales@supplier.example") -> bytes:
    """Old message; `results` is what the old server found."""
    top = f"Authentication-Results: {SERVER}; {results}\n" if results else ""
    return (
        f"Return-Path: <{author}>\n{top}Received: from x ([192.0.2.7]) by {SERVER}; Mon, 5 Oct 2026 10:00:{number % 60:02d} +0000\n"
        f"From: {author}\nDate: Mon, 5 Oct 2026 09:00:00 +0000\nMessage-ID: <{number}@supplier.example>\nSubject: Order {number}\n\n"
        f"Number {number}\nFrom the sea.\n"
    ).encode()


PROVEN = "dmarc=pass header.from=supplier.example"


def mbox(path: Path, *messages: bytes) -> Path:
    """An mbox file."""
    path.write_bytes(
        b"".join(
            b"From sales@supplier.example Mon Oct  5 10:00:00 2026\n" + one.replace(b"\nFrom ", b"\n>From ") + b"\n" for one in messages
        )
    )
    return path


def maildir(path: Path, *messages: bytes) -> Path:
    """A Maildir."""
    (path / "cur").mkdir(parents=True)
    for number, one in enumerate(messages):
        (path / "cur" / f"1790000000.{number}.old:2,S").write_bytes(one)
    return path


def deliveries(engine: Engine) -> list[tuple[str, str, str]]:
    """Subject, state and rule of each, by subject."""
    with db.read_transaction(engine) as session:
        return sorted((one.subject, one.state, one.rule) for one in session.scalars(select(Delivery)))


@pytest.mark.parametrize("named", [False, True])
def test_what_was_written_in_our_own_name_counts_only_when_somebody_says_so(
    shell: Shell, engine: Engine, tmp_path: Path, *, named: bool
) -> None:
    assert shell("allow", "supplier.example").code == 0
    forged = one(1, results=PROVEN).replace(b"Results: " + SERVER.encode(), b"Results: mx.company.example")
    trust = ("--trust", "mx.company.example") if named else ()
    assert shell("import", "mbox", str(mbox(tmp_path / "old", forged)), "--to", TO, *trust).code == 0
    assert deliveries(engine) == [("Order 1", *(("queued", "allowed-sender") if named else ("held", "unproven-known-sender")))]


@pytest.mark.parametrize("kind", ["mbox", "maildir"])
def test_what_is_known_and_was_proven_then_goes_on_and_the_rest_is_held(shell: Shell, engine: Engine, tmp_path: Path, kind: str) -> None:
    assert shell("allow", "supplier.example").code == 0
    messages = (one(1, results=PROVEN), one(2), one(3, results="dmarc=fail header.from=supplier.example"))
    file = (mbox if kind == "mbox" else maildir)(tmp_path / "old", *messages)
    said = shell("import", kind, str(file), "--to", TO, "--trust", SERVER)
    assert (said.code, said.out) == (0, "3 messages imported: 2 held, 1 queued\n")
    assert deliveries(engine) == [
        ("Order 1", "queued", "allowed-sender"),
        ("Order 2", "held", "unproven-known-sender"),
        ("Order 3", "held", "unproven-known-sender"),
    ]
    with db.read_transaction(engine) as session:
        number = session.scalar(select(col(Delivery.message_id)).where(col(Delivery.subject) == "Order 1"))
        message = session.get_one(Message, number)
        assert bodies.load_body(session, message.content_id) == messages[0].replace(b"\n", b"\r\n")
        assert utcnow() - message.received_at < timedelta(hours=1)  # it is held from now on
        acts = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "import")).all()
    assert [(one.items, one.detail["to"], one.detail["source"]) for one in acts] == [(3, [TO], str(file))]


def test_it_comes_in_once_however_often_it_is_brought(shell: Shell, engine: Engine, tmp_path: Path) -> None:
    file = mbox(tmp_path / "old", one(0), *map(one, range(40)), one(7))
    assert shell("import", "mbox", str(file), "--to", TO).out == "40 messages imported: 40 held\n2 already there and left alone\n"
    found = json.loads(shell("import", "mbox", str(file), "--to", TO, "--json").out)
    assert found == {"states": {}, "known": 42, "unreadable": {}, "dry_run": False}
    again = maildir(tmp_path / "copy", one(3), one(50))
    assert shell("import", "maildir", str(again), "--to", TO).out == "1 message imported: 1 held\n1 already there and left alone\n"
    assert shell("import", "maildir", str(again), "--to", "legal+mara.berg@company.example").out == "2 messages imported: 2 held\n"
    assert len(deliveries(engine)) == 43


def test_what_broke_off_goes_on_where_it_was(shell: Shell, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = mbox(tmp_path / "old", *map(one, range(40)))
    whole, calls = import_mail.import_messages, []

    def breaks(*args: object, **more: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return whole(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(import_mail, "import_messages", breaks)
    assert shell("import", "mbox", str(file), "--to", TO).code == 1
    before = len(deliveries(engine))
    assert 0 < before < 40
    assert shell("import", "mbox", str(file), "--to", TO).out.startswith(f"{40 - before} messages imported")
    assert len(deliveries(engine)) == 40


def test_a_dry_run_says_it_and_changes_nothing(shell: Shell, engine: Engine, tmp_path: Path) -> None:
    shell("allow", "supplier.example")
    file = mbox(tmp_path / "old", one(1, results=PROVEN), one(2))
    said = shell("import", "mbox", str(file), "--to", TO, "--trust", SERVER, "--dry-run")
    assert (said.code, said.out) == (0, "2 messages would be imported: 1 held, 1 queued\n")
    assert deliveries(engine) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("maildir {old} --to nobody@company.example", "is nobody's address here"),
        ("maildir {old} --to joe", "is not an email address"),
        ("maildir {empty} --to it+joe.fern@company.example", "is no Maildir: it has no directory cur"),
        ("mbox {old}/none --to it+joe.fern@company.example", "does not exist"),
    ],
)
def test_bad_input(shell: Shell, tmp_path: Path, words: str, says: str) -> None:
    (tmp_path / "empty").mkdir()
    old = maildir(tmp_path / "old", one(1))
    said = shell("import", *words.format(old=old, empty=tmp_path / "empty").split())
    assert (said.code, says in said.err) == (2, True), said
