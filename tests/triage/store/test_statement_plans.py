"""Questions asked most find their rows by an index that is named here, on both databases: no table that grows is read whole."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, inspect, text
from sqlmodel import Session

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, IDA, NOW, arrive
from tests.triage.plans import LARGE, Way, watch_ways
from triage.compliance.audit import audit_log, hash_chain
from triage.compliance.privacy import person_erasure, person_export
from triage.compliance.privacy.data_subject import Whose
from triage.compliance.retention import delete_records, expire
from triage.config.settings import Settings
from triage.delivery import queue
from triage.delivery.recall import recall_jobs
from triage.ids import LARGEST
from triage.notifications import alerts
from triage.quarantine import delivery_history, open_message, sender_profile, where_is_my_message
from triage.quarantine.campaigns import campaign_list
from triage.quarantine.decisions import decide, decision_plan, outcomes, undo
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.search import listing, selection_summary, undecided
from triage.quarantine.search.selection import Selection
from triage.quarantine.triage_items import fold_counts, folder_counts, item_list, row_facets
from triage.quarantine.triage_items.row_order import RowFilter
from triage.reports import arrivals, daily_counts, gauges, sender_report
from triage.store import db
from triage.store.delivery_state import State

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
SALES, DOMAIN, CAMPAIGN = "sales@supplier.example", "supplier.example", 7
LETTER = "Dear colleague, please pay the invoice of November at once. " * 5
HELD, LEFT = (State.HELD,), (State.PURGED, State.DELIVERED)
HOUR, DAY, LONG = timedelta(hours=1), timedelta(days=1), timedelta(days=3000)
MANY = 2_000  # rows of each large table for PostgreSQL, which would rather read few rows than any index
BY_KEY = (  # indexes that lead from one row to its next: whatever is asked may use them
    "sqlite_autoindex_",
    "ix_",
    *("decision_item_by_delivery", "delivery_passed_on", "delivery_in_short", "delivery_copies_out"),
)
BY_KEY_ENDS = ("_pkey", "_key")
NAMES = "author_domain LIKE"  # the names of all domains are looked through, in the smallest index that has them

Ask = Callable[[Session, Settings], object]


def asked(function: Callable[..., object], *values: Any, **more: Any) -> Ask:
    """A question that needs no settings."""
    return lambda session, _settings: function(session, *values, **more)


def with_settings(function: Callable[..., object], *values: Any, **more: Any) -> Ask:
    """A question that needs them."""
    return lambda session, settings: function(session, *values, settings=settings, **more)


def items(group: str, by: Any = ANA, **wanted: Any) -> Ask:
    return asked(item_list.list_items, Selection(states=HELD, **wanted), by=by, now=NOW, group=group)


def deliveries(by: Any = ANA, **wanted: Any) -> Ask:
    return asked(listing.list_deliveries, Selection(**wanted), by=by)


def removal(**wanted: Any) -> Ask:
    return with_settings(decision_plan.lock_found, DecisionRequest(Selection(**wanted), Verb.PURGE), by=ANA, now=NOW)


def purge_and_undo(session: Session, settings: Settings) -> None:
    request = DecisionRequest(Selection.of(sender=SALES), Verb.PURGE, "phishing")
    made = decide.decide_messages(session, request, by=ANA, now=NOW, settings=settings)
    undo.undo_decision(session, made.id, by=ANA, reason="", now=NOW, settings=settings)


def first(session: Session, column: str, table: str) -> int:
    return int(session.scalar(text(f"SELECT min({column}) FROM {table}")) or 0)


def read_export(whose: Whose) -> Ask:
    def ask(session: Session, _settings: Settings) -> None:
        for _, rows in person_export.exported_lists(session, whose, IDA):
            list(rows)
        person_export.describe_export(session, whose, IDA, NOW)

    return ask


def erase_person(session: Session, settings: Settings) -> None:
    begun = person_erasure.begin_erasure(session, SALES, by=IDA, reason="they asked", now=NOW, settings=settings)
    person_erasure.carry_on(session, begun.id, now=NOW)


ASKED: dict[str, tuple[Ask, tuple[str, ...]]] = {
    "the queue": (items("campaign"), ("delivery_of_campaign",)),
    "the queue of a department": (items("sender", BEN), ("delivery_by_author",)),
    "the queue, each message by itself": (
        items("none"),
        ("delivery_by_urgency", "delivery_for_assistant", "delivery_of_campaign", "delivery_time_limited"),
    ),
    "the queue by risk, each message by itself": (
        asked(item_list.list_items, Selection(states=HELD), by=ANA, now=NOW, group="none", order="risk"),
        ("delivery_by_urgency", "delivery_of_campaign"),
    ),
    "the longest waiting of the verified, each by itself": (
        asked(item_list.list_items, Selection(states=HELD), by=ANA, now=NOW, group="none", order="wait", only=RowFilter(verified=True)),
        ("delivery_by_time", "delivery_by_urgency", "delivery_of_campaign"),
    ),
    "numbers of rows by each filter": (
        asked(row_facets.list_facets, Selection(states=HELD), by=ANA, now=NOW, group="campaign", only=RowFilter()),
        (),  # from the cached counts
    ),
    "rows of a sender": (items("sender", sender=SALES), ("delivery_by_author", "delivery_of_campaign")),
    "rows of a campaign": (items("campaign", campaign=CAMPAIGN), ("delivery_of_campaign",)),
    "rows of a person": (items("sender", person="joe.fern"), ("delivery_by_author", "delivery_by_person", "delivery_of_campaign")),
    "counts of folders": (asked(folder_counts.count_held), ()),
    "counts that changed": (asked(fold_counts.fold_counts, now=NOW), ()),
    "the list of campaigns": (asked(campaign_list.list_campaigns, Selection(states=HELD), by=ANA), ("delivery_of_campaign",)),
    "the sheet of a sender": (
        asked(selection_summary.selection_evidence, Selection(sender=SALES), by=ANA, now=NOW),
        ("delivery_by_author",),
    ),
    "the sheet of a campaign": (
        asked(selection_summary.selection_evidence, Selection(campaign=CAMPAIGN), by=ANA, now=NOW),
        ("delivery_of_campaign",),
    ),
    "the sheet of a domain": (
        asked(selection_summary.selection_evidence, Selection(domain=DOMAIN), by=ANA, now=NOW),
        ("delivery_by_domain", "delivery_of_domain"),
    ),
    "an open message": (lambda session, _: open_message.open_message(session, first(session, "message_id", "delivery"), by=ANA), ()),
    "its history": (lambda session, _: delivery_history.get_delivery(session, first(session, "id", "delivery"), by=ANA), ()),
    "the page of a sender": (
        asked(sender_profile.get_sender, SALES, freemail=(), by=ANA),
        ("delivery_by_author", "delivery_by_domain", "delivery_of_domain"),
    ),
    "the history of a sender": (
        with_settings(sender_report.report_sender, SALES, by=ANA, now=NOW),
        ("delivery_by_author",),
    ),
    "the history of a domain": (
        with_settings(sender_report.report_sender, DOMAIN, by=ANA, now=NOW),
        ("delivery_by_domain", "delivery_of_domain"),
    ),
    "where is my message": (
        asked(where_is_my_message.where_is, "joe.fern@company.example", refused_days=30, by=ANA, now=NOW),
        ("delivery_newest",),
    ),
    "a message that comes in": (
        lambda session, settings: arrive(session, settings, JOE, author=SALES, text=LETTER),
        ("delivery_by_author", "delivery_by_domain", "delivery_by_folder", "delivery_of_campaign"),
    ),
    "what the relay sends next": (with_settings(queue.claim_deliveries, limit=10, now=NOW), ("delivery_due_next",)),
    "when the relay is due": (asked(queue.next_due), ("delivery_due_next",)),
    "what the recall takes next": (with_settings(recall_jobs.claim_mailboxes, mailboxes=4, now=NOW), ("delivery_due_next",)),
    "when the recall is due": (asked(recall_jobs.next_due), ("delivery_due_next",)),
    "the newest messages": (deliveries(), ("delivery_newest", "delivery_of_department")),
    "the newest of a department": (deliveries(BEN), ("delivery_of_department",)),
    "the newest that are decided": (deliveries(states=LEFT), ("delivery_by_time", "delivery_by_urgency")),
    "the newest of a campaign": (deliveries(campaign=CAMPAIGN, states=HELD), ("delivery_of_campaign",)),
    "a search": (deliveries(q="invoice"), ()),
    "the audit log": (asked(audit_log.list_entries, by=IDA), ()),
    "the audit log about one thing": (asked(audit_log.list_entries, by=IDA, subject="decision:123"), ()),
    "words in the audit log": (asked(audit_log.list_entries, by=IDA, words="invoice"), ()),
    "words in the audit log, further back": (asked(audit_log.list_entries, by=IDA, words="invoice", act="purge", before=LARGEST), ()),
    "what is to seal": (asked(hash_chain.seal_entries), ()),
    "decisions": (asked(outcomes.list_decisions, by=ANA), ()),
    "decisions of a department": (asked(outcomes.list_decisions, by=BEN), ()),
    "decisions about a sender": (asked(outcomes.list_decisions, by=ANA, about=Selection(sender=SALES)), ("delivery_by_author",)),
    "what expires": (with_settings(expire.expire_messages, now=NOW), ("delivery_by_time",)),
    "what is delivered undecided": (
        lambda session, _: undecided.find_candidates(session, undecided.Terms({"it": 240}).is_maybe_due(NOW + DAY), 50),
        ("delivery_by_time",),
    ),
    "what is to erase": (with_settings(expire.due_contents, now=NOW + LONG), ("content_kept",)),
    "what is erased": (
        lambda session, settings: expire.erase_contents(
            session, [first(session, "content_id", "message")], settings=settings, now=NOW + LONG
        ),
        (),
    ),
    "copies that are forgotten": (with_settings(expire.forget_recalled_copies, now=NOW), ()),
    "records to forget": (with_settings(delete_records.due_messages, now=NOW + LONG), ()),
    "alerts": (
        lambda session, settings: alerts.find_alerts(session, settings, NOW),
        ("delivery_by_time", "delivery_by_urgency", "delivery_of_domain", "delivery_time_limited"),
    ),
    "gauges": (asked(gauges.read_gauges, NOW), ("delivery_by_time", "delivery_due_next")),
    "arrivals": (asked(arrivals.list_arrivals, by=ANA, since=NOW - HOUR, until=NOW), ("delivery_newest",)),
    "arrivals of a day": (asked(daily_counts.count_day, daily_counts.Day(NOW - DAY, NOW)), ()),
    "a removal of a campaign": (removal(campaign=CAMPAIGN), ("delivery_of_campaign",)),
    "a removal of several rows": (
        removal(any_of=(Selection(campaign=CAMPAIGN), Selection(sender=SALES))),
        ("delivery_by_author", "delivery_of_campaign"),
    ),
    "a removal and its undo": (purge_and_undo, ("delivery_by_author", "delivery_by_time")),
    "a preview of an erasure": (asked(person_erasure.preview_erasure, SALES, by=IDA), ("delivery_by_author", "delivery_sent_to")),
    "an erasure": (erase_person, ("delivery_by_author", "delivery_of_campaign", "delivery_sent_to")),
    "an export of somebody outside": (read_export(Whose(SALES)), ("delivery_by_author", "delivery_sent_to")),
    "an export of somebody here": (read_export(Whose("joe.fern@company.example", "joe.fern")), ("delivery_by_person",)),
}


def ways_of(engine: Engine, settings: Settings, ask: Ask) -> list[Way]:
    """The ways of a question, whose changes are taken back."""
    with watch_ways(engine) as ways, Session(engine) as session:
        session.begin()
        ask(session, settings)
        session.rollback()
    return [way for way in ways if "0 = 1" not in way.words and "false" not in way.words.partition("WHERE ")[2][:6]]


def read_whole(ways: list[Way]) -> list[Way]:
    return [way for way in ways if way.is_full and not (NAMES in way.words and "_domain" in way.index)]


def named(ways: list[Way]) -> tuple[str, ...]:
    return tuple(sorted({way.index for way in ways if not way.index.startswith(BY_KEY) and not way.index.endswith(BY_KEY_ENDS)}))


def some_mail(engine: Engine, settings: Settings) -> None:
    """Three messages for two people, of which one is being sent."""
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        three = [arrive(session, settings, JOE, MARA, author=SALES, text=LETTER) for _ in range(3)]
        request = DecisionRequest(Selection.of(ids=three[2]), Verb.RELEASE)
        decide.decide_messages(session, request, by=ANA, now=NOW, settings=settings)
    with db.transaction(engine) as session:
        queue.claim_deliveries(session, limit=1, settings=settings, now=NOW + timedelta(minutes=5))


def fold(engine: Engine) -> None:
    fold_counts.build_views(engine, now=NOW)
    with db.transaction(engine) as session:
        while fold_counts.fold_counts(session, now=NOW):
            pass


def test_sqlite_finds_them_by_these_indexes(sqlite_engine: Engine, settings: Settings) -> None:
    some_mail(sqlite_engine, settings)
    fold(sqlite_engine)
    found = {name: ways_of(sqlite_engine, settings, ask) for name, (ask, _) in ASKED.items()}
    assert {name: whole for name, ways in found.items() if (whole := read_whole(ways))} == {}
    assert {name: named(ways) for name, ways in found.items()} == {name: indexes for name, (_, indexes) in ASKED.items()}


COPIED: dict[str, dict[str, str]] = {  # columns of the copies of a table's first row
    "content": {"id": "id + n * 1000", "sha256": "'x' || n", "zstd": "CASE WHEN n % 3 > 0 THEN zstd END"},
    "message": {"id": "id + n * 1000", "spool_id": "spool_id + n * 1000", "content_id": "content_id + n * 1000"},
    "delivery": {
        "id": "id + n * 1000",
        "message_id": "message_id + n * 1000",
        "received_at": "received_at - n * 60000000",
        "state": "CASE WHEN n % 100 < 20 THEN 'held' WHEN n % 100 < 40 THEN 'purged' WHEN n % 1000 < 997 THEN 'delivered'"
        " WHEN n % 2 = 0 THEN 'queued' ELSE 'recalling' END",
        "due_at": "CASE WHEN n % 1000 > 996 THEN received_at END",
        "author": "'a' || n % 500 || '@d' || n % 200 || '.example'",
        "author_domain": "'d' || n % 200 || '.example'",
        "person": "'p' || n % 600",
        "department": "'d' || n % 24",
        "campaign_id": "CASE WHEN n % 10 = 0 THEN n % 50 + 1 END",
    },
    "attempt": {"id": "id + n * 1000", "number": "n + 1"},
    "decision_item": {"decision_id": "n % 50", "delivery_id": "delivery_id + n * 1000"},
    "audit_record": {"id": "id + n * 1000", "subject": "'delivery:' || n", "sequence": "1000 + n"},
    "message_words": {"message_id": "message_id + n * 1000"},
}


def copy_rows(session: Session, table: str) -> None:
    names = [column["name"] for column in inspect(session.connection()).get_columns(table)]
    values = ", ".join(COPIED[table].get(name, f'"{name}"') for name in names)
    one = f"(SELECT * FROM {table} ORDER BY 1 LIMIT 1) AS one, generate_series(CAST(1 AS bigint), {MANY}) AS n"
    session.execute(text(f"INSERT INTO {table} ({', '.join(map(repr_name, names))}) SELECT {values} FROM {one}"))


def repr_name(name: str) -> str:
    return f'"{name}"'


ON_POSTGRESQL = {  # as good: two that begin with the state cost the same
    "the newest of a department": ("delivery_by_folder",),
    "the queue by risk, each message by itself": ("delivery_by_time",),
    "what expires": ("delivery_pkey",),
}
DEAR = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")  # ways to read so few rows that a million would not be read by


@pytest.mark.postgresql
def test_postgresql_finds_them_by_these_indexes(postgresql_engine: Engine, settings: Settings) -> None:
    some_mail(postgresql_engine, settings)
    with db.transaction(postgresql_engine) as session:
        for table in COPIED:
            copy_rows(session, table)
    with postgresql_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"VACUUM (FULL) {', '.join(COPIED)}"))  # pages that earlier tests left in a file make an index dear
        connection.execute(text("ANALYZE"))
    fold(postgresql_engine)
    found = {name: ways_of(postgresql_engine, settings, partial(ask_as_of_many, ask)) for name, (ask, _) in ASKED.items()}
    assert {name: whole for name, ways in found.items() if (whole := [way for way in ways if not way.index])} == {}
    wanted = {name: {*indexes, *ON_POSTGRESQL.get(name, ())} for name, (_, indexes) in ASKED.items() if indexes}
    assert {name: named(found[name]) for name, indexes in wanted.items() if indexes.isdisjoint(way.index for way in found[name])} == {}


def ask_as_of_many(ask: Ask, session: Session, settings: Settings) -> None:
    for setting in DEAR:
        session.execute(text(f"SET LOCAL {setting} = off"))
    ask(session, settings)


def test_every_large_table_is_looked_at() -> None:
    assert set(COPIED) == set(LARGE)
