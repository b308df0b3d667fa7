"""Personal data of a person: search, export, erasure, and the records that stay."""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, Text, cast, or_, select
from sqlmodel import Session, SQLModel, col

from tests.triage import arriving
from tests.triage.arriving import ANA, COMPANY, IDA, NOW, OTTO, SYNC, arrive
from tests.triage.messages import mail
from triage.actor import Actor, Role
from triage.addressing.company import ConfidentialEntry, StaffEntry
from triage.addressing.envelope import Envelope
from triage.compliance.audit import hash_chain, verify_chain
from triage.compliance.privacy import data_subject, person_erasure, person_export
from triage.compliance.retention import legal_holds
from triage.config.settings import Notices, Settings
from triage.delivery import abuse_reports
from triage.directory import apply as directory
from triage.errors import BadInput, NotAllowed, NotAllowedNow
from triage.ids import new_id
from triage.intake import store_outbound
from triage.message.summary import make_summary
from triage.policy.contacts.contact_evidence import Sent
from triage.policy.known_senders import domain_proofs
from triage.policy.learning import decision_feedback, learn_contacts
from triage.policy.rules import store as rules
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine import assignment
from triage.quarantine.decisions import approvals, decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.requests import code_words, release_requests
from triage.quarantine.search import trigram_index
from triage.quarantine.search.selection import Selection
from triage.quarantine.teamwork import comments, shift_notes
from triage.quarantine.triage_items import fold_counts
from triage.store import bodies, db, ledger
from triage.store.delivery_state import Event, State
from triage.store.message_record.record_codec import as_json
from triage.store.models.approvals import PendingAct
from triage.store.models.assignments import Comment, DismissedNote, ShiftNote
from triage.store.models.compliance import PersonErasure
from triage.store.models.contacts import Contact
from triage.store.models.deliveries import AbuseReport, Delivery
from triage.store.models.directory import Person
from triage.store.models.employees import MailReport
from triage.store.models.messages import Content, Message
from triage.store.models.notifications import PushSubscription
from triage.store.models.rules import DomainProof, Rule
from triage.store.models.sign_in import ExternalIdentity

ANNA = "anna@dell.example"
MARA, JOE, INES = "mara.berg@company.example", "joe.fern@company.example", "ines.old@company.example"
ELSE = Actor.person("kim", Role.ADMIN, IDA.scope, "Kim Ode")
EMPLOYEE = Actor.employee("joe.fern", "Joe Fern")
FERN = replace(ANA, name="joe.fern", shown="Joe Fern")
ONLY_MARA = replace(COMPANY, people=tuple(replace(one, active=one.uid == "mara.berg") for one in COMPANY.people), postmaster=MARA)
AUDITED = {"audit_record", "kept_answer", "legal_hold"}  # where an address may stay, and docs/how-to/retention-and-privacy.md says why


@pytest.fixture
def session(sqlite_engine: Engine, settings: Settings) -> Iterator[Session]:
    with db.transaction(sqlite_engine) as session:
        arriving.set_up(session, settings)
        yield session


@pytest.fixture
def either(known: Engine) -> Iterator[Session]:
    """On each kind of database."""
    with db.transaction(known) as session:
        yield session


def arguments(**more: Any) -> dict[str, Any]:
    return {"by": IDA, "reason": "case 12", "now": NOW} | more


def everything(session: Session, settings: Settings, author: str = ANNA, to: str = JOE) -> tuple[int, ...]:
    """A sender leaves traces everywhere; the deliveries of their mail: held, purged, delivered."""
    ids = [arrive(session, settings, to, author=author, subject=f"From {author}")[0] for _ in range(3)]
    order = RuleOrder("block", "address", author, "company", note=f"{author} is rude")
    selected = Selection.of(ids=(ids[1],))
    decisions.decide_messages(session, DecisionRequest(selected, Verb.PURGE, "junk", rule=order), settings=settings, by=ANA, now=NOW)
    rules.add_rule(session, RuleOrder("allow", "address", author, "person:joe.fern"), by=ANA, now=NOW, settings=settings)
    on_content = RuleOrder("hold", "content", "rude", "company", note=f"as {author}", conditions=(("reply_to", (author,)),))
    rules.add_rule(session, on_content, by=ANA, now=NOW, settings=settings)
    assignment.assign_messages(session, Selection.of(ids=(ids[0],)), "ana", f"Who is {author}?", by=IDA, now=NOW)
    for event in (Event.RELEASE, Event.CLAIM, Event.DELIVER):
        ledger.record_event(session, ids[2], event, by=ANA, now=NOW)
    code_words.issue_code_word(session, f"{author.title()}, the candidate", by=EMPLOYEE, settings=settings, now=NOW)
    sent = Sent(JOE, (author,), JOE, NOW, message_id="1@company.example")
    learn_contacts.learn_many(session, [sent], how="outbound", settings=settings, by=SYNC, now=NOW)
    raw = mail(f"From: Joe Fern <{JOE}>\nTo: {author}", "Hello\n")
    leaving = Envelope(new_id(), NOW, JOE, (author,), "192.0.2.25", "inner.company.example")
    store_outbound.store_outgoing(session, leaving, bodies.pack_body(raw), make_summary(raw), settings=settings, now=NOW)
    (gone,) = session.scalars(select(col(Delivery.id)).where(col(Delivery.direction) == "outbound"))
    for event in (Event.CLAIM, Event.DELIVER):
        ledger.record_event(session, gone, event, by=ANA, now=NOW)
    return tuple(ids)


def carry_out(session: Session, number: int) -> PersonErasure:
    while person_erasure.carry_on(session, number, now=NOW, limit=2):
        session.expire_all()
    session.expire_all()
    return session.get_one(PersonErasure, number)


def where_it_stands(session: Session, word: str) -> set[str]:
    """The tables in which a word occurs anywhere, the counts of what is held folded."""
    while fold_counts.fold_counts(session, now=NOW):
        pass
    found = set()
    words = [trigram_index.ON_POSTGRESQL] if db.is_postgresql(session) else []
    for table in (*SQLModel.metadata.sorted_tables, *words):
        if session.execute(select(table).where(or_(*(cast(column, Text).contains(word) for column in table.columns))).limit(1)).first():
            found.add(table.name)
    records = map(as_json, session.scalars(select(col(Message.record))))
    return found | ({"message"} if any(word.encode() in one for one in records) else set())


def test_nothing_names_an_outside_sender_after_the_erasure(either: Session, settings: Settings) -> None:
    ids = everything(either, settings)
    assert {"delivery", "message", "rule", "correspondent", "assignment"} <= where_it_stands(either, ANNA)
    made = person_erasure.begin_erasure(either, ANNA.title(), settings=settings, with_rules=True, **arguments())
    row = carry_out(either, made.id)
    assert (row.address, row.deliveries, row.contents, row.kept, row.rules_left, row.done_at) == ("", 4, 4, 0, 0, NOW)
    assert where_it_stands(either, "anna") <= AUDITED
    assert [either.get_one(Delivery, one).state for one in ids] == [State.PURGED, State.PURGED, State.DELIVERED]
    assert {either.get_one(Delivery, one).author for one in ids} == {f"{row.pseudonym}@erased.invalid"}
    assert either.scalars(select(col(Content.zstd))).all() == [None] * 4
    assert {one.removed_at for one in either.scalars(select(Rule))} == {NOW}


def test_the_trail_stays_whole(session: Session, settings: Settings) -> None:
    everything(session, settings)
    hash_chain.seal_entries(session)
    carry_out(session, person_erasure.begin_erasure(session, ANNA, settings=settings, **arguments()).id)
    hash_chain.seal_entries(session)
    assert verify_chain.verify_chain(session).fault == ""


def test_a_rule_is_kept_unless_it_is_to_go(session: Session, settings: Settings) -> None:
    everything(session, settings)
    row = carry_out(session, person_erasure.begin_erasure(session, ANNA, settings=settings, **arguments()).id)
    assert row.rules_left == 3
    assert {one.removed_at for one in session.scalars(select(Rule))} == {None}


def test_others_mail_is_untouched(session: Session, settings: Settings) -> None:
    everything(session, settings)
    (other,) = arrive(session, settings, JOE, author="bob@dell.example")
    carry_out(session, person_erasure.begin_erasure(session, ANNA, settings=settings, **arguments()).id)
    kept = session.get_one(Delivery, other)
    assert (kept.author, kept.state, kept.erased_at) == ("bob@dell.example", State.HELD, None)


def test_how_a_domain_is_proven_goes_with_its_last_message(session: Session, settings: Settings) -> None:
    everything(session, settings)
    arrive(session, settings, JOE, author="bob@dell.example")
    domain_proofs.add_ways(session, "dell.example", ["dkim:dell.example"], NOW)
    exported = dict(person_export.exported_lists(session, data_subject.Whose("bob@dell.example"), IDA))
    assert [one["way"] for one in exported["domain_proofs"]] == ["dkim:dell.example"]
    for person, left in ((ANNA, 1), ("bob@dell.example", 0)):
        carry_out(session, person_erasure.begin_erasure(session, person, settings=settings, **arguments()).id)
        assert len(session.scalars(select(DomainProof)).all()) == left


def test_a_legal_hold_wins(either: Session, settings: Settings) -> None:
    ids = everything(either, settings)
    legal_holds.add_hold(either, selected=Selection.of(ids=(ids[1],)), **arguments())
    assert person_erasure.preview_erasure(either, ANNA, by=IDA) == person_erasure.Found("outside", 4, 0, 1)
    row = carry_out(either, person_erasure.begin_erasure(either, ANNA, settings=settings, **arguments()).id)
    assert (row.deliveries, row.kept) == (3, 1)
    kept = either.get_one(Delivery, ids[1])
    assert (kept.author, kept.erased_at) == (ANNA, None)
    assert either.get_one(Content, either.get_one(Message, kept.message_id).content_id).zstd


def test_what_is_under_way_is_waited_for(session: Session, settings: Settings) -> None:
    (mine,) = arrive(session, settings, JOE, author=ANNA)
    ledger.record_event(session, mine, Event.RELEASE, by=ANA, now=NOW, due_at=NOW, queued_at=NOW)
    assert person_erasure.preview_erasure(session, ANNA, by=IDA).under_way == 1
    made = person_erasure.begin_erasure(session, ANNA, settings=settings, **arguments())
    assert carry_out(session, made.id).done_at is None
    assert person_erasure.due_erasures(session) == [made.id]
    assert person_erasure.begin_erasure(session, ANNA, settings=settings, **arguments()).id == made.id
    for event in (Event.CLAIM, Event.DELIVER):
        ledger.record_event(session, mine, event, by=ANA, now=NOW)
    assert (carry_out(session, made.id).done_at, person_erasure.due_erasures(session)) == (NOW, [])


@pytest.mark.parametrize("whose", [ANNA, MARA, JOE])
def test_an_abuse_report_is_erased_with_the_message_that_it_holds(either: Session, settings: Settings, whose: str) -> None:
    """For its sender, and for each recipient: it is filed with the first."""
    reporting = replace(settings, notices=Notices(abuse_reports_to="abuse@provider.example"))
    decision_feedback.begin_feedback(either, abuse_reports.MARKER)
    ids = arrive(either, reporting, JOE, MARA, author=ANNA)
    decisions.decide_messages(either, DecisionRequest(Selection(ids=ids), Verb.PURGE), by=ANA, now=NOW, settings=reporting)
    assert abuse_reports.report_next(either, settings=reporting, now=NOW + timedelta(hours=1)) == 1
    (report,) = either.scalars(select(col(Delivery.id)).where(col(Delivery.rule) == abuse_reports.RULE))
    content = either.get_one(Content, either.get_one(Message, either.get_one(Delivery, report).message_id).content_id)
    for person in either.scalars(select(Person)):
        person.active = False
    made = person_erasure.begin_erasure(either, whose, settings=reporting, **arguments())
    assert carry_out(either, made.id).done_at is None, "the report has not left yet, and nothing else leads to it"
    assert content.zstd
    for event in (Event.CLAIM, Event.DELIVER):
        ledger.record_event(either, report, event, by=ANA, now=NOW)
    assert carry_out(either, made.id).done_at == NOW
    assert not content.zstd
    assert not either.scalars(select(AbuseReport)).all()
    if whose == ANNA:
        assert where_it_stands(either, ANNA) <= AUDITED


def push_of(login: str) -> PushSubscription:
    endpoint = "https://push.example/one"
    return PushSubscription(login=login, endpoint=endpoint, p256dh="a", auth="b", session_sha256="c", language="en", made_at=NOW)


def test_somebody_here_is_erased_when_they_have_left(either: Session, settings: Settings) -> None:
    everything(either, settings, to=JOE)
    either.add(ExternalIdentity(issuer="https://id", sub="1", provider="id", login="joe.fern", linked_at=NOW, seen_at=NOW))
    either.add(push_of("joe.fern"))
    both = arrive(either, settings, JOE, MARA, author="bob@dell.example")
    with pytest.raises(NotAllowedNow, match="is in the directory"):
        person_erasure.begin_erasure(either, JOE, settings=settings, **arguments())
    directory.apply_directory(either, ONLY_MARA, settings.company, by=SYNC, now=NOW)
    row = carry_out(either, person_erasure.begin_erasure(either, "joe.fern", settings=settings, **arguments()).id)
    assert row.done_at == NOW
    assert where_it_stands(either, "joe.fern") <= AUDITED | {"message", "rule"}  # a message to Mara too names its recipients
    assert either.get(Person, "joe.fern") is None
    assert either.scalars(select(Contact)).all() == []
    mine, hers = (either.get_one(Delivery, one) for one in both)
    assert (mine.person, mine.state, hers.person, hers.state, hers.erased_at) == (
        row.pseudonym,
        State.PURGED,
        "mara.berg",
        State.HELD,
        None,
    )
    assert either.get_one(Content, either.get_one(Message, hers.message_id).content_id).zstd


def test_a_leavers_comments_stay_without_their_name(either: Session, settings: Settings) -> None:
    kept, waiting = (arrive(either, settings, MARA, author=ANNA)[0] for _ in range(2))
    legal_holds.add_hold(either, selected=Selection.of(ids=(kept,)), **arguments())
    for one in (kept, waiting):
        comments.add_comment(either, one, "I know them.", by=FERN, now=NOW)
    directory.apply_directory(either, ONLY_MARA, settings.company, by=SYNC, now=NOW)
    row = carry_out(either, person_erasure.begin_erasure(either, "joe.fern", settings=settings, **arguments()).id)
    said = either.scalars(select(Comment).order_by(col(Comment.id))).all()
    assert [(one.delivery_id, one.by, one.by_shown, one.text) for one in said] == [
        (copy, f"person:{row.pseudonym}", row.pseudonym, "I know them.") for copy in (kept, waiting)
    ]


def test_a_leavers_notes_to_the_next_shift_go_and_colleagues_notes_forget_them(either: Session, settings: Settings) -> None:
    own, anothers = (shift_notes.write_note(either, "Call back.", ("company",), by=by, now=NOW) for by in (FERN, ANA))
    shift_notes.change_note(either, anothers.id, done=True, dismissed=True, by=FERN, now=NOW)
    assert [one["text"] for one in json.loads(taken(either, "joe.fern").read("shift_notes.json"))] == ["Call back."]
    directory.apply_directory(either, ONLY_MARA, settings.company, by=SYNC, now=NOW)
    row = carry_out(either, person_erasure.begin_erasure(either, "joe.fern", settings=settings, **arguments()).id)
    left = either.scalars(select(ShiftNote)).all()
    assert [(one.id, one.by_shown, one.done_by_shown) for one in left] == [(anothers.id, ANA.shown, row.pseudonym)]
    assert own.id != anothers.id
    assert either.scalars(select(DismissedNote)).all() == []


def test_a_legal_hold_on_somebody_here_forbids_it(session: Session, settings: Settings) -> None:
    legal_holds.add_hold(session, person="ines.old", **arguments())
    with pytest.raises(NotAllowedNow, match="legal hold"):
        person_erasure.begin_erasure(session, INES, settings=settings, **arguments())


def test_two_keys_where_the_company_wants_them(session: Session, settings: Settings) -> None:
    everything(session, settings)
    careful = replace(settings, policy=replace(settings.policy, approvals=("person-erasure",)))
    asked = person_erasure.erase_person(session, ANNA, settings=careful, **arguments())
    assert isinstance(asked, PendingAct)
    assert approvals.approval_sentence(asked).startswith(f"Ida Lind asks for approval: erase the data of {ANNA}. A second person is needed")
    assert approvals.list_approvals(session, by=ANA, now=NOW) == []
    directory.apply_directory(
        session,
        replace(COMPANY, staff=tuple(arriving.COMPANY.staff) + tuple(staff(one) for one in (IDA, ELSE))),
        settings.company,
        by=SYNC,
        now=NOW,
    )
    done = approvals.confirm_approval(session, asked.id, by=ELSE, now=NOW, settings=careful, acts=person_erasure.ACTS)
    assert (done.state, done.order) == ("confirmed", {})
    assert carry_out(session, done.result_id or 0).done_at == NOW


def staff(one: Actor) -> Any:
    return StaffEntry(one.name, one.shown, "admin", ("company",))


@pytest.mark.parametrize(
    ("by", "text", "reason", "refusal"),
    [
        (ANA, ANNA, "x", NotAllowed),
        (OTTO, ANNA, "x", NotAllowed),
        (IDA, ANNA, " ", BadInput),
        (IDA, "no address", "x", BadInput),
    ],
)
def test_what_is_refused(session: Session, settings: Settings, by: Actor, text: str, reason: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        person_erasure.begin_erasure(session, text, by=by, reason=reason, now=NOW, settings=settings)


# taking it along


def taken(session: Session, text: str, by: Actor = IDA) -> zipfile.ZipFile:
    whose = data_subject.find_data_subject(session, text)
    return zipfile.ZipFile(io.BytesIO(b"".join(person_export.zip_export(session, whose, by=by, now=NOW))))


def test_a_sender_gets_what_is_kept_and_their_messages(either: Session, settings: Settings) -> None:
    everything(either, settings)
    arrive(either, settings, JOE, author="bob@dell.example")
    archive = taken(either, ANNA)
    lists = {name: json.loads(archive.read(name)) for name in archive.namelist() if name.endswith(".json")}
    assert (lists["about.json"]["who"], lists["about.json"]["deliveries"], lists["about.json"]["sealed"]) == ("somebody outside", 4, 0)
    counts = {name: len(rows) for name, rows in lists.items() if name != "about.json"}
    assert {
        "deliveries.json": 4,
        "messages.json": 4,
        "decisions.json": 1,
        "rules.json": 3,
        "contacts.json": 1,
    }.items() <= counts.items()
    assert not any(
        "by_shown" in row or row.get("author") == "person:ana" for rows in lists.values() for row in rows if isinstance(row, dict)
    )
    messages = [archive.read(name) for name in archive.namelist() if name.endswith(".eml")]
    assert len(messages) == 4
    assert all(ANNA.encode() in raw for raw in messages)


def test_somebody_here_gets_what_is_kept_as_staff_too(session: Session, settings: Settings) -> None:
    everything(session, settings, to=JOE)
    session.add(push_of("joe.fern"))
    archive = taken(session, "joe.fern")
    (push,) = json.loads(archive.read("push_subscriptions.json"))
    assert (push["endpoint"], push.keys() & {"auth", "session_sha256"}) == ("https://push.example/one", set())
    assert json.loads(archive.read("directory.json"))[0]["mailbox"] == JOE
    assert len(json.loads(archive.read("sent.json"))) == 1
    assert json.loads(archive.read("about.json"))["deliveries"] == 4
    assert {"decisions_made.json", "staff.json", "sessions.json"} <= set(archive.namelist())
    (word,) = json.loads(archive.read("expected_senders.json"))
    assert (word["person"], word["is_code"], word["words"]) == ("joe.fern", True, f"{ANNA.title()}, the candidate")


def test_what_employees_requested_and_reported_is_exported_without_who_answered(session: Session, settings: Settings) -> None:
    (theirs,), (anothers,) = (arrive(session, settings, to, author=ANNA) for to in (JOE, MARA))
    requested = release_requests.request_release(session, theirs, by=EMPLOYEE, words="I know her.", now=NOW)
    release_requests.decline_request(session, requested, by=ANA, reason="No.", now=NOW)
    told: dict[str, Any] = {"person_shown": "Joe Fern", "department": "it", "at": NOW, "how": "", "author": ANNA, "subject": "Offer"}
    for number, delivery in enumerate((theirs, None, anothers), 1):
        session.add(MailReport(id=number, spool_id=number, delivery_id=delivery, person="joe.fern", answered_by_shown=ANA.shown, **told))
    session.flush()
    archive = taken(session, "joe.fern")
    requests, reports = (json.loads(archive.read(f"{name}.json")) for name in ("requests", "reports"))
    assert [(one["words"], one["reason"]) for one in requests] == [("I know her.", "No.")]
    assert [one["subject"] for one in reports] == ["Offer"] * 2
    assert ANA.shown not in json.dumps([requests, reports])


def test_comments_about_their_messages_are_exported_without_who_wrote_them(session: Session, settings: Settings) -> None:
    (theirs,), (anothers,) = (arrive(session, settings, JOE, author=one) for one in (ANNA, "bob@dell.example"))
    comments.add_comment(session, theirs, "She is rude.", by=ANA, now=NOW)
    comments.add_comment(session, anothers, "He is not.", by=FERN, now=NOW)

    def texts(whose: str, name: str) -> list[str]:
        rows = json.loads(taken(session, whose).read(name))
        assert not any({"by", "by_shown"} & set(row) for row in rows)
        return [row["text"] for row in rows]

    assert texts(ANNA, "comments.json") == ["She is rude."]
    assert texts("joe.fern", "comments.json") == ["She is rude.", "He is not."]
    assert texts("joe.fern", "comments_made.json") == ["He is not."]


def test_what_is_sealed_to_the_asker_is_left_out_and_counted(session: Session, settings: Settings) -> None:
    directory.apply_directory(
        session, replace(COMPANY, sealed=(ConfidentialEntry("person:joe.fern", ("hana",)),)), settings.company, by=SYNC, now=NOW
    )
    arrive(session, settings, JOE, MARA, author=ANNA)
    archive = taken(session, ANNA)
    assert json.loads(archive.read("about.json"))["sealed"] == 1
    assert [one["person"] for one in json.loads(archive.read("deliveries.json"))] == ["mara.berg"]
    (mail_of_both,) = [name for name in archive.namelist() if name.endswith(".eml")]
    assert mail_of_both


@pytest.mark.parametrize("folder", ["person:joe.fern", "department:it"])
def test_of_somebody_sealed_nothing_that_tells_of_their_mail_is_taken_along(session: Session, settings: Settings, folder: str) -> None:
    everything(session, settings)
    directory.apply_directory(session, replace(COMPANY, sealed=(ConfidentialEntry(folder, ("hana",)),)), settings.company, by=SYNC, now=NOW)
    hana, silent = replace(IDA, name="hana"), ("contacts.json", "decisions.json", "notices.json")
    for named, lists in (("joe.fern", ("contacts.json", "sent.json", "rules.json")), (ANNA, silent)):
        for by in (IDA, hana):
            archive = taken(session, named, by)
            found = [name for name in lists if json.loads(archive.read(name))]
            assert bool(found) is (by is hana), (named, found)
    assert [one["scope"] for one in json.loads(taken(session, ANNA).read("rules.json"))] == ["company", "company"]


def test_an_empty_list_is_a_list(session: Session) -> None:
    assert json.loads(taken(session, "nobody@nowhere.example").read("deliveries.json")) == []


@pytest.mark.parametrize(
    ("text", "address", "uid"),
    [
        (ANNA.upper().replace("DELL", "dell"), ANNA, ""),
        ("Mara.Berg", MARA, "mara.berg"),
        ("m.berg@company.example", MARA, "mara.berg"),
        ("it+joe.fern@company.example", JOE, "joe.fern"),
        ("ines.old@company.example", INES, "ines.old"),
        ("info@company.example", "info@company.example", ""),
    ],
)
def test_whom_an_address_means(session: Session, text: str, address: str, uid: str) -> None:
    whose = data_subject.find_data_subject(session, text)
    assert (whose.address, whose.uid) == (address, uid)
