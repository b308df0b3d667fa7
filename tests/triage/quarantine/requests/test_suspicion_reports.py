""" "This seems odd to me": who may report, which mail is meant, who hears what, and that it never acts."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage import arriving
from tests.triage.arriving import ANA, BEN, NOW, OTTO, arrive
from tests.triage.notifications.test_staff_mail import text_of
from triage import ids
from triage.access import confidential_folders
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Settings, Webhooks
from triage.config.webhooks import Hook
from triage.errors import BadInput, NotAllowed, NotAllowedNow, NotFound
from triage.intake.receive import receive_message
from triage.message.authentication import Authentication
from triage.message.forwarded import Pointed, content_digest
from triage.message.summary import Summary, fingerprint_of, make_summary
from triage.notifications.webhooks import webhook_events
from triage.quarantine.decisions import decide as decisions, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.requests import suspicion_reports
from triage.quarantine.search import listing
from triage.quarantine.search.selection import Selection
from triage.quarantine.triage_items import item_list
from triage.store import bodies, db, pack_records
from triage.store.delivery_state import State
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import MailReport
from triage.store.models.messages import Message
from triage.store.queue import open_reports

JOE, MARA = "joe.fern@company.example", "mara.berg@company.example"
TO_JOE, TO_MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
LONG = "Your parcel could not be handed over. Settle the customs charge and choose a new delivery slot today, or it goes back."


def came(engine: Engine, settings: Settings, *to: str, **mail: str) -> int:
    with db.transaction(engine) as session:
        return arrive(session, settings, *(to or (TO_JOE,)), **mail)[0]  # type: ignore[arg-type]


def report(engine: Engine, settings: Settings, *pointed: Pointed, sender: str = JOE, spool_id: int | None = None, **more: object) -> str:
    """Refusal of a report; "" when it is accepted."""
    mail = replace(Summary(parsed=True, author=JOE, subject="Fwd: odd"), **more)  # type: ignore[arg-type]
    with db.transaction(engine) as session:
        envelope = arriving.envelope("report@company.example", reverse_path=sender, spool_id=spool_id)
        return suspicion_reports.report_message(session, envelope, mail, pointed, settings=settings, now=NOW)


def notices(engine: Engine) -> list[tuple[str, str]]:
    """Notices to employees: the recipient, and the rule that wrote each."""
    with db.read_transaction(engine) as session:
        rows = select(Delivery).where(col(Delivery.direction) == "report").order_by(col(Delivery.id))
        return [(one.recipient, one.rule) for one in session.scalars(rows)]


def reports(engine: Engine) -> list[tuple[int | None, str]]:
    with db.read_transaction(engine) as session:
        return [(one.delivery_id, one.how) for one in session.scalars(select(MailReport).order_by(col(MailReport.id)))]


def subject_of(engine: Engine, mail: int) -> str:
    with db.read_transaction(engine) as session:
        return session.get_one(Delivery, mail).subject


def decide(engine: Engine, settings: Settings, verb: Verb, mail: int) -> int:
    with db.transaction(engine) as session:
        return decisions.decide_messages(session, DecisionRequest(Selection(ids=(mail,)), verb), by=ANA, now=NOW, settings=settings).id


def tell(engine: Engine, settings: Settings, later: timedelta = timedelta(minutes=2)) -> int:
    with db.transaction(engine) as session:
        return suspicion_reports.send_verdicts(session, settings=settings, now=NOW + later)


def test_the_mail_is_found_by_what_the_program_has_kept_of_it(known: Engine, settings: Settings) -> None:
    messages = [came(known, settings, author=f"a{number}@x.example", text=f"{LONG} {number}") for number in range(5)]
    with db.transaction(known) as session:
        message = session.get_one(Message, session.get_one(Delivery, messages[1]).message_id)
        record = replace(message.record, summary=message.summary | {"message_id": "one@x.example"})
        pack_records.rewrite_records(session, [(message.id, record)])
        marker = ids.format_id(session.get_one(Delivery, messages[0]).message_id)
        fingerprint = session.get_one(Delivery, messages[4]).campaign_id
    assert fingerprint
    said = content_digest(f"{LONG} 2", ())
    for pointed in (
        Pointed(marker=marker, message_id="one@x.example"),
        Pointed(marker="nonsense", message_id="one@x.example"),
        Pointed(message_id="rewritten@server.example", author="a2@x.example", digest=said),
        Pointed(author="a3@x.example", subject="Your order"),
        Pointed(subject="nothing like it"),
    ):
        assert report(known, settings, pointed) == ""
    assert reports(known) == [
        (messages[0], "trace field"),
        (messages[1], "message id"),
        (messages[2], "content"),
        (messages[3], "sender and subject"),
        (None, ""),
    ]


def test_what_is_only_like_it_is_found_by_its_campaign(known: Engine, settings: Settings) -> None:
    mail = came(known, settings, author="a@wave.example", text=LONG)
    said = arriving.summary("x@other.example", text=f"{LONG} Thank you.")
    found = fingerprint_of(said)
    assert found
    assert report(known, settings, Pointed(fingerprint=found.as_text(), author="x@other.example", subject="changed")) == ""
    assert reports(known) == [(mail, "similar")]


def test_nobody_points_at_mail_that_never_came_to_them(known: Engine, settings: Settings) -> None:
    hers = came(known, settings, TO_MARA)
    with db.read_transaction(known) as session:
        marker = ids.format_id(session.get_one(Delivery, hers).message_id)
    shared = came(known, settings, "info@company.example", author="b@shared.example")
    report(known, settings, Pointed(marker=marker))
    report(known, settings, Pointed(author="b@shared.example", subject=subject_of(known, shared), message_id=""))
    with db.read_transaction(known) as session:
        assert {one.delivery_id for one in session.scalars(select(MailReport))} <= {None, shared}


@pytest.mark.parametrize(
    ("sender", "more", "why"),
    [
        ("stranger@evil.example", {}, "no employee wrote it"),
        ("", {}, "no employee wrote it"),
        ("info@company.example", {"author": "info@company.example"}, "no employee wrote it"),
        ("ines.old@company.example", {"author": "ines.old@company.example"}, "no employee wrote it"),
        (MARA, {}, "no employee wrote it"),
        (JOE, {"author": ""}, "no employee wrote it"),
        (JOE, {"author": "stranger@evil.example"}, "no employee wrote it"),
        (JOE, {"automatic": "auto-submitted"}, "a program wrote it"),
        (JOE, {"content_type": "multipart/report"}, "a program wrote it"),
    ],
)
def test_nobody_else_is_heard_or_thanked(known: Engine, settings: Settings, sender: str, more: Any, why: str) -> None:
    came(known, settings)
    assert report(known, settings, Pointed(author="sales@supplier.example", subject="x"), sender=sender, **more) == why
    assert (reports(known), notices(known)) == ([], [])


def test_what_a_server_sent_on_as_it_is_counts_where_it_came_through_us_to_them(known: Engine, settings: Settings) -> None:
    mail, hers = came(known, settings, author="odd@x.example"), came(known, settings, TO_MARA, author="odd@x.example")
    with db.read_transaction(known) as session:
        mine, other = (ids.format_id(session.get_one(Delivery, one).message_id) for one in (mail, hers))
    more: Any = {"author": "odd@x.example", "automatic": "precedence"}
    assert report(known, settings, Pointed(marker=other, author="odd@x.example"), **more) == ""
    assert report(known, settings, Pointed(marker="", author="odd@x.example"), **more) == "no employee wrote it"
    assert (reports(known), notices(known)) == ([], [])
    assert report(known, settings, Pointed(marker=mine, author="odd@x.example"), **more) == ""
    assert (reports(known), notices(known)) == ([(mail, "trace field")], [(JOE, "report-thanks")])


def test_they_are_thanked_once_and_the_mail_stays_where_it_is(known: Engine, settings: Settings) -> None:
    mail = came(known, settings)
    with db.read_transaction(known) as session:
        pointed = Pointed(marker=ids.format_id(session.get_one(Delivery, mail).message_id))
    for spool_id in (77, 77, None):  # read again after a crash; and forwarded again
        assert report(known, settings, pointed, spool_id=spool_id) == ""
    assert reports(known) == [(mail, "trace field")]
    assert notices(known) == [(JOE, "report-thanks")]
    with db.read_transaction(known) as session:
        delivery = session.get_one(Delivery, mail)
        assert (delivery.state, delivery.decision_id) == (State.HELD, None)
        acts = select(AuditRecord).where(col(AuditRecord.act) == "suspect")
        assert [(one.by, one.subject) for one in session.scalars(acts)] == [("employee:joe.fern", f"delivery:{ids.format_id(mail)}")]


def test_whoever_reports_without_end_is_not_heard_without_end(known: Engine, settings: Settings) -> None:
    for number in range(12):
        report(known, settings, *(Pointed(subject=f"{number}.{one}") for one in range(5)))
    assert len(reports(known)) == suspicion_reports.MOST_A_DAY
    assert len(notices(known)) == suspicion_reports.MOST_THANKS
    assert "within a day" in report(known, settings, Pointed(subject="one more"))


def test_one_row_says_who_and_how_many(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        messages = arrive(session, settings, TO_JOE, TO_MARA, author="odd@x.example")
    came(known, settings, author="fine@x.example")
    with db.read_transaction(known) as session:
        marker = ids.format_id(session.get_one(Delivery, messages[0]).message_id)
    report(known, settings, Pointed(marker=marker))
    report(known, settings, Pointed(marker=marker), sender=MARA, author=MARA)
    with db.read_transaction(known) as session:
        (item,) = item_list.list_items(session, Selection(reported=True), by=ANA, now=NOW).items
        assert (item.lead.author, [one.by_shown for one in item.suspected]) == ("odd@x.example", ["Joe Fern", "Mara Berg"])
        assert [one.id for one in listing.list_deliveries(session, Selection(reported=True), by=BEN, limit=9).items] == [messages[1]]
        assert [(one.by_shown, one.mail.id) for one in suspicion_reports.list_reports(session, by=BEN) if one.mail] == [
            ("Mara Berg", messages[1])
        ]
        assert [one.others for one in suspicion_reports.list_reports(session, by=ANA)] == [0, 0]


def test_programs_elsewhere_hear_of_it(known: Engine, settings: Settings) -> None:
    mail = came(known, settings, author="odd@x.example")
    with db.read_transaction(known) as session:
        marker = ids.format_id(session.get_one(Delivery, mail).message_id)
    report(known, settings, Pointed(marker=marker), Pointed(author="x@y.example", subject="Unknown"))
    with db.read_transaction(known) as session:
        acts = select(AuditRecord).where(col(AuditRecord.act) == "suspect").order_by(col(AuditRecord.id))
        naming = replace(settings, webhooks=Webhooks(hooks=(Hook("all", "https://all.example", details=True),)))
        first, second = (event for one in session.scalars(acts) for event in webhook_events.convert_entry(session, one, naming))
    assert (first.kind, first.text) == ("message.reported", "Joe Fern reported a message as suspicious.")
    assert (first.data["delivery"], first.data["found"], first.departments) == (ids.format_id(mail), "trace field", frozenset({"it"}))
    assert [one.sender for one in first.messages[()]] == ["odd@x.example"]
    assert ("report" in second.data, second.data["found"], second.departments, second.messages) == (True, "", frozenset({"it"}), {})


@pytest.mark.parametrize("folder", ["department:it", "person:joe.fern"])
def test_no_program_hears_who_it_was_in_a_sealed_folder(known: Engine, settings: Settings, folder: str) -> None:
    came(known, settings, TO_MARA, author="odd@x.example")
    for sender in (JOE, MARA):
        report(known, settings, Pointed(author="odd@x.example", subject="Unknown"), sender=sender, author=sender)
    with db.transaction(known) as session:
        confidential_folders.equalise_confidential(session, (ConfidentialEntry(folder, ("ana",)),))
    with db.read_transaction(known) as session:
        acts = select(AuditRecord).where(col(AuditRecord.act) == "suspect").order_by(col(AuditRecord.id))
        hidden, told = (event for one in session.scalars(acts) for event in webhook_events.convert_entry(session, one, settings))
    assert (hidden.text, hidden.data["by"]) == ("Somebody reported a message as suspicious.", "employee")
    assert (told.text, told.data["by"]) == ("Mara Berg reported a message as suspicious.", "employee:mara.berg")


@pytest.mark.parametrize(("verb", "words"), [(Verb.PURGE, "It was harmful"), (Verb.RELEASE, "It is harmless")])
def test_a_decision_about_the_mail_is_the_verdict(known: Engine, settings: Settings, verb: Verb, words: str) -> None:
    mail = came(known, settings, author="odd@x.example")
    with db.read_transaction(known) as session:
        report_of = Pointed(marker=ids.format_id(session.get_one(Delivery, mail).message_id))
    report(known, settings, report_of)
    assert tell(known, settings) == 0
    decide(known, settings, verb, mail)
    assert tell(known, settings, timedelta(seconds=5)) == 0  # it may still be taken back
    with db.read_transaction(known) as session:
        assert suspicion_reports.list_reports(session, by=ANA) == []
    assert (tell(known, settings), tell(known, settings)) == (1, 0)
    assert notices(known)[1:] == [(JOE, "report-answer")]
    with db.read_transaction(known) as session:
        row = session.scalars(select(MailReport)).one()
        assert (row.answered_by_shown, row.verdict) == ("Ana Roth", open_reports.SETTLING[verb])
        assert words in suspicion_reports.write_verdict(row, JOE).opening


def test_a_verdict_names_a_claimed_author_as_a_claim(known: Engine, settings: Settings) -> None:
    raw = b"From: Prime Shop, jehd <x@shop.example>\r\nSubject: Your parcel\r\n\r\nHello\r\n"
    with db.transaction(known) as session:
        envelope = arriving.envelope(TO_JOE, reverse_path="bulk@carrier.example")
        (mail,) = receive_message(session, envelope, raw, Authentication(""), make_summary(raw), settings=settings, now=NOW)
        marker = ids.format_id(session.get_one(Delivery, mail).message_id)
    report(known, settings, Pointed(marker=marker))
    decide(known, settings, Verb.PURGE, mail)
    assert tell(known, settings) == 1
    with db.read_transaction(known) as session:
        notice = session.scalars(select(Delivery).where(col(Delivery.rule) == "report-answer")).one()
        said = text_of(bodies.load_body(session, session.get_one(Message, notice.message_id).content_id))
    assert "You reported “Your parcel”. Its author is unclear and claims to be x@shop.example." in said.replace("\r\n", " ")


def test_an_undone_decision_is_no_verdict(known: Engine, settings: Settings) -> None:
    mail = came(known, settings)
    with db.read_transaction(known) as session:
        pointed = Pointed(marker=ids.format_id(session.get_one(Delivery, mail).message_id))
    report(known, settings, pointed)
    decision = decide(known, settings, Verb.PURGE, mail)
    with db.transaction(known) as session:
        undoing.undo_decision(session, decision, by=ANA, reason="", now=NOW + timedelta(seconds=1), settings=settings)
    assert tell(known, settings) == 0
    with db.read_transaction(known) as session:
        assert len(suspicion_reports.list_reports(session, by=ANA)) == 1


def test_staff_says_what_it_is_without_touching_it(known: Engine, settings: Settings) -> None:
    report(known, settings, Pointed(author="fine@x.example", subject="A\nnewsletter http://evil.example"))
    with db.read_transaction(known) as session:
        (one,) = suspicion_reports.list_reports(session, by=ANA)
    assert one.mail is None
    with db.transaction(known) as session:
        for by, fault in ((BEN, NotFound), (OTTO, NotAllowed)):
            with pytest.raises(fault):
                suspicion_reports.answer_report(session, one.id, "good", by=by, now=NOW)
        with pytest.raises(BadInput, match="not one of good, bad"):
            suspicion_reports.answer_report(session, one.id, "perhaps", by=ANA, now=NOW)
        assert suspicion_reports.answer_report(session, one.id, "good", by=ANA, words="we get it every week", now=NOW) == 1
        with pytest.raises(NotAllowedNow, match="is already answered"):
            suspicion_reports.answer_report(session, one.id, "bad", by=ANA, now=NOW)
    assert tell(known, settings) == 1
    with db.read_transaction(known) as session:
        notice = suspicion_reports.write_verdict(session.scalars(select(MailReport)).one(), JOE)
    assert "hxxp://evil[.]example" in notice.opening
    assert notice.footer == "Ana Roth adds: we get it every week"
