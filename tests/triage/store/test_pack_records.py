"""Records from before they were compressed: read and found as they are, packed in slices, and nothing is lost on the way."""

import hashlib
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Engine, delete, func, select, text, update
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, SQLModel, col

from tests.peers import processes
from tests.triage import arriving
from triage import ids
from triage.compliance.privacy import person_erasure
from triage.compliance.privacy.data_subject import Whose
from triage.compliance.retention import delete_records
from triage.config.settings import Settings
from triage.intake import receive as intake, sender_context
from triage.message.authentication import Dmarc, Result
from triage.message.summary import Attachment, Link
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.decisions import consent
from triage.quarantine.rules import rule_trial
from triage.quarantine.search import listing, search_condition
from triage.quarantine.search.selection import Selection, selection_condition
from triage.store import db, pack_records
from triage.store.delivery_state import State
from triage.store.message_columns import dmarc_policy, dmarc_result, has_signal, list_of_message
from triage.store.message_record.record_codec import DAMAGED
from triage.store.message_record.record_parts import columns_of
from triage.store.models.deliveries import Delivery
from triage.store.models.markers import Marker
from triage.store.models.messages import OLD, Content, Message, MessageFile, MessageLink

DIGEST = "0f" * 32
SAID: dict[str, Any] = {
    "links": (Link("Pay “here”", "https://www.pay.evil.example:8443/a?b"), Link("", "mailto:boss@evil.example")),
    "attachments": (Attachment(1, "Rechnung Ä.zip", "application/zip", 9, DIGEST, ("inside.exe",), also=("other.doc",)),),
    "reply_to": ("boss@elsewhere.example", "b@c.example"),
    "message_id": "Abc.1@supplier.example",
    "list_id": "news.supplier.example",
}
FOUND = (
    *("link:evil.example", "link:here", "has:link", "has:attachment", "file:rechnung", "file:ä.zip", "file:inside.exe", "file:other"),
    *(
        "hash:0f0f0f0f0",
        f"hash:{DIGEST}",
        "reply-to:elsewhere",
        "ip:192.0.2.1",
        "message-id:<abc.1@SUPPLIER.example>",
        "signal:first-contact",
    ),
)
NOT_FOUND = ("link:target", "file:sha256", "hash:0f0f0f0e", "reply-to:good", "ip:192.0.2.2", "signal:first", "message-id:abc.1")
DOMAINS = {"evil.example": True, "pay.evil.example": True, "example": True, "vil.example": False, "other.pay.evil.example": False}
MANY = 7


@pytest.fixture
def stored(known: Engine, settings: Settings) -> Engine:
    """Some messages as they were stored before."""
    return store_messages(known, settings)


def store_messages(known: Engine, settings: Settings) -> Engine:
    """Stores a message with all columns that SQL asks for, and others without, as older versions did."""
    with db.transaction(known) as session:
        said = replace(arriving.summary("sales@supplier.example"), **SAID)
        dmarc = Dmarc(Result.FAIL, "supplier.example", "supplier.example", "reject")
        found = arriving.authentication("sales@supplier.example", dmarc)
        intake.receive_message(session, arriving.envelope(), b"From: a\r\n\r\n", found, said, settings=settings, now=arriving.NOW)
        for _ in range(MANY - 1):
            arriving.arrive(session, settings)
    make_old(known)
    return known


def make_old(engine: Engine) -> None:
    """Let the rows be as they were before."""
    table = SQLModel.metadata.tables["message"]
    with db.transaction(engine) as session:
        for message in session.scalars(select(Message)):
            record = message.record
            old = {
                "envelope": record.envelope,
                "authentication": record.authentication,
                "summary": record.summary,
                "signals": record.signals,
            }
            new = dict.fromkeys(("record", *columns_of(record)))
            session.connection().execute(update(table).where(table.c.id == message.id).values(**old, **new))
        session.execute(delete(MessageLink))
        session.execute(delete(MessageFile))
        session.merge(Marker(name=pack_records.MARKER, number=0))


def answers(engine: Engine) -> dict[str, Any]:
    """Answers of searches, columns and records."""
    with db.read_transaction(engine) as session:
        found: dict[str, Any] = {one: count(session, *search_condition.search_conditions(one)) for one in (*FOUND, *NOT_FOUND)}
        found |= {one: count(session, selection_condition(Selection(link_domain=one))) for one in DOMAINS}
        facts = select(dmarc_result(), dmarc_policy(), list_of_message(), has_signal("first-contact")).order_by(col(Message.id))
        return found | {
            "facts": session.execute(facts).all(),
            "records": session.scalars(select(col(Message.record)).order_by(col(Message.id))).all(),
        }


def count(session: Session, *where: ColumnElement[bool]) -> int:
    """Number of deliveries that meet the conditions."""
    return session.scalar(select(func.count()).select_from(Delivery).where(*where)) or 0


def old_rows(engine: Engine) -> int:
    """Number of messages that are not packed."""
    with db.read_transaction(engine) as session:
        return session.scalar(select(func.count()).select_from(Message).where(OLD[0].is_not(None))) or 0


def pack_all(engine: Engine, limit: int = 3) -> list[int]:
    """The sizes of the slices."""
    sizes = [1]
    while sizes[-1]:
        with db.transaction(engine) as session:
            sizes.append(pack_records.pack_slice(session, limit=limit))
    return sizes[1:]


def test_old_rows_are_read_and_found_as_packed_ones(stored: Engine) -> None:
    before = answers(stored)
    assert old_rows(stored) == MANY
    assert {one: bool(before[one]) for one in DOMAINS} == DOMAINS
    assert [one for one in FOUND if not before[one]] == []
    assert pack_all(stored) == [3, 3, 1, 0]
    after = answers(stored)
    assert (old_rows(stored), after["records"], after["facts"]) == (0, before["records"], before["facts"])
    assert {one: after[one] for one in (*FOUND, *DOMAINS)} == {one: before[one] for one in (*FOUND, *DOMAINS)}
    assert [one for one in NOT_FOUND if after[one]] == []
    assert pack_all(stored) == [0], "and nothing is looked at any more"


def test_what_comes_in_meanwhile_stays_as_it_is(stored: Engine, settings: Settings) -> None:
    with db.transaction(stored) as session:
        pack_records.pack_slice(session, limit=2)
    with db.transaction(stored) as session:
        arriving.arrive(session, settings)
    assert old_rows(stored) == MANY - 2
    assert pack_all(stored) == [3, 3, 0]
    assert old_rows(stored) == 0


def stop_database(*_: object) -> None:
    """Fails as a database does that is shut down."""
    raise OperationalError("INSERT", {}, Exception("the database is shut down"))


def test_a_slice_that_fails_changes_nothing(stored: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    before = answers(stored)
    with monkeypatch.context() as patched:
        patched.setattr(pack_records, "enter_parts", stop_database)
        with pytest.raises(OperationalError):
            pack_all(stored)
    assert (old_rows(stored), answers(stored)) == (MANY, before)
    assert pack_all(stored)[-1] == old_rows(stored) == 0


CHILD = """
import resource, sys
if len(sys.argv) > 2:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
from triage.store import db, pack_records
engine = db.open_engine(sys.argv[1])
while True:
    with db.transaction(engine) as session:
        number = pack_records.pack_slice(session, limit=1)
        print(number, flush=True)
    if not number:
        break
"""


SMALLEST = 32 * 1024  # bytes that SQLite's index of its log has


def url_of(engine: Engine) -> str:
    """The URL as settings have it."""
    return engine.url.render_as_string(hide_password=False).replace("postgresql+psycopg", "postgresql")


def test_who_has_no_room_on_the_disk_loses_nothing(sqlite_engine: Engine, settings: Settings) -> None:
    with db.transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
    stored = store_messages(sqlite_engine, settings)
    before = answers(stored)
    child = subprocess.run([sys.executable, "-P", "-c", CHILD, url_of(stored), str(SMALLEST)], capture_output=True, text=True, check=False)
    assert (child.returncode, "OperationalError" in child.stderr) == (1, True), child.stderr
    assert old_rows(stored) == MANY - child.stdout.count("1\n") + 1, "the last one could not be written"
    assert answers(stored)["records"] == before["records"]
    pack_all(stored)
    assert (old_rows(stored), answers(stored)["records"]) == (0, before["records"])


def test_who_is_killed_goes_on_from_there(stored: Engine) -> None:
    before = answers(stored)
    with subprocess.Popen([sys.executable, "-P", "-c", CHILD, url_of(stored)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert [child.stdout.readline() for _ in range(3)] == [b"1\n"] * 3  # the third slice is written and not committed, or just so
        child.send_signal(signal.SIGKILL)
    assert 0 <= old_rows(stored) <= MANY - 2
    pack_all(stored)
    assert (old_rows(stored), answers(stored)["records"]) == (0, before["records"])
    with db.read_transaction(stored) as session:
        assert count_parts(session) == (2, 1)


def count_parts(session: Session) -> tuple[int, ...]:
    """Rows of links, two hosts and no more, and of files."""
    return tuple(session.scalar(select(func.count()).select_from(table)) or 0 for table in (MessageLink, MessageFile))


def test_ids_of_before_are_below_those_of_now(stored: Engine) -> None:
    with db.read_transaction(stored) as session:
        assert (session.scalar(select(func.max(col(Message.id)))) or 0) < ids.new_id() < pack_records.DONE


HOST = hashlib.shake_256(b"host").hexdigest(2000)  # 4,000 characters, which no compression makes shorter
ODD_HOSTS = (
    "a%00b.odd.example",
    "a%0ab.odd.example",
    "%00",
    HOST,
    f"{HOST[:3000]}.odd.example",
    "a%ed%a0%80.odd.example",
    "a%1f.odd.example",
)


def enter_odd_links(session: Session, settings: Settings) -> None:
    """Messages with links that no browser opens, one each."""
    for host in ODD_HOSTS:
        said = replace(arriving.summary("sales@supplier.example"), links=(Link("\0", f"http://{host}/"),))
        found = arriving.authentication("sales@supplier.example")
        intake.receive_message(session, arriving.envelope(), host.encode(), found, said, settings=settings, now=arriving.NOW)


def test_a_message_comes_in_and_is_packed_whatever_its_links_name(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        enter_odd_links(session, settings)
    with db.read_transaction(known) as session:
        found = count(session, selection_condition(Selection(link_domain="odd.example")))
    assert found == len(ODD_HOSTS) - 2, "all but those that are of no domain"
    make_old(known)
    pack_all(known)
    with db.read_transaction(known) as session:
        assert count(session, selection_condition(Selection(link_domain="odd.example"))) == found
    assert old_rows(known) == 0


def test_a_message_that_cannot_be_packed_stays_and_stops_no_other(
    stored: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = answers(stored)["records"]
    monkeypatch.setattr(pack_records, "is_packed_whole", lambda record: record != before[4])
    assert pack_all(stored) == [3, 3, 1, 0]
    with db.read_transaction(stored) as session:
        left = session.scalars(select(col(Message.id)).where(OLD[0].is_not(None))).all()
    assert (old_rows(stored), answers(stored)["records"]) == (1, before)
    assert f"the record of message {ids.format_id(left[0])} cannot be packed and stays as it is" in caplog.text


def delete_old(session: Session, settings: Settings) -> None:
    """As upkeep deletes records, ten years later."""
    later = arriving.NOW + timedelta(days=4000)
    found, _ = delete_records.due_messages(session, settings=settings, now=later)
    assert delete_records.forget_messages(session, found, settings=settings, now=later) == MANY


def erase_sender(session: Session, _settings: Settings) -> None:
    """As upkeep erases what somebody wrote."""
    theirs = session.scalars(select(col(Delivery.id))).all()
    person_erasure.erase_deliveries(session, Whose("sales@supplier.example", ""), "erased-1", theirs, now=arriving.NOW)


@pytest.mark.postgresql
@pytest.mark.parametrize("remove", [delete_old, erase_sender])
def test_what_is_erased_while_it_is_packed_leaves_no_links_and_files(
    remove: Callable[[Session, Settings], None], postgresql_engine: Engine, settings: Settings
) -> None:
    with db.transaction(postgresql_engine) as session:
        arriving.set_up(session, settings)
    stored = store_messages(postgresql_engine, settings)
    with db.transaction(stored) as session:
        session.execute(update(Content).values(zstd=None))
        session.execute(update(Delivery).values(state=State.PURGED, settled_at=arriving.NOW, due_at=None))

    def remove_all() -> None:
        with db.transaction(stored) as session:
            remove(session, settings)

    remover = threading.Thread(target=remove_all)
    with db.transaction(stored) as session:
        assert pack_records.pack_slice(session) == MANY
        remover.start()
        processes.until(lambda: somebody_waits(stored), "the removal waits for the packing")
    remover.join()
    with db.read_transaction(stored) as session:
        assert (count_parts(session), old_rows(stored)) == ((0, 0), 0)


def somebody_waits(engine: Engine) -> bool:
    """Whether a transaction waits for another one's lock."""
    with db.read_transaction(engine) as session:
        return bool(session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


def test_a_damaged_record_is_said_and_stops_no_search_list_or_trial(stored: Engine, settings: Settings) -> None:
    pack_all(stored)
    with db.transaction(stored) as session:
        whole = set(session.scalars(select(col(Delivery.id))))
        bad = session.scalar(select(func.max(col(Delivery.id)))) or 0
        cut = text("UPDATE message SET record = :cut WHERE id = (SELECT message_id FROM delivery WHERE id = :id)")
        session.execute(cut, {"cut": b"\x28\xb5", "id": bad})
    order = RuleOrder("allow", "address", "sales@supplier.example", "company")
    with db.read_transaction(stored) as session:
        rows = {one.id: one for one in listing.in_order(session, sorted(whole))}
        signs = consent.signs_of(session, sorted(whole))
        passed = rule_trial.count_allowed(session, order, ["company"], by=arriving.ANA, now=arriving.NOW)
        proofs = sender_context.earlier_proofs(session, "sales@supplier.example")
    assert set(rows) == set(signs) == whole
    assert {one for one in whole if rows[one].note == DAMAGED} == {bad}
    assert (rows[bad].subject, rows[bad].attachments, sum(rows[one].attachments for one in whole)) == ("Your order", 0, 1)
    assert passed["company"] <= MANY - 1
    assert proofs
    with db.transaction(stored) as session:
        arriving.arrive(session, settings)


def test_only_names_of_signals_are_signals_of_a_message_from_before(stored: Engine) -> None:
    table = SQLModel.metadata.tables["message"]
    with db.transaction(stored) as session:
        session.execute(update(table).values(signals=[{"name": "links", "values": ["virus", 'a"name": "virus"']}]))
    with db.read_transaction(stored) as session:
        found = {name: session.scalars(select(has_signal(name)).distinct()).all() for name in ("links", "virus", "values")}
    assert found == {"links": [True], "virus": [False], "values": [False]}
