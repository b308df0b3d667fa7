"""Replies to messages of ours pass for all employees; forged replies do not (mailflow.md 8)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session

from tests.triage import arriving
from tests.triage.arriving import ANA, DMARC_PASS, NO_DMARC, NOW
from tests.triage.messages import mail, multipart, part
from triage import ids
from triage.actor import Actor
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.intake import receive as intake
from triage.message.authentication import Authentication, Dkim, Dmarc, Result
from triage.message.summary import make_summary
from triage.policy.contacts import contact_review, store as contacts
from triage.policy.contacts.contact_evidence import Sent, read_sent
from triage.policy.learning import learn_contacts
from triage.policy.rules import store as rules
from triage.policy.rules.store import RuleOrder
from triage.store import db
from triage.store.delivery_state import State
from triage.store.models.contacts import PostedList, SentMail
from triage.store.models.deliveries import Delivery

JOE, MARA, INFO = "joe.fern@company.example", "mara.berg@company.example", "info@company.example"
ANN = "ann@supplier.example"
LETTER = f"From: Joe Fern <{JOE}>\nTo: {ANN}, {MARA}\nSubject: Offer\nMessage-ID: <offer.1@company.example>"
INVITATION = "\r\n".join(["BEGIN:VCALENDAR", "METHOD:{method}", "BEGIN:VEVENT", "UID:meeting-1", "END:VEVENT", "END:VCALENDAR", ""])


@pytest.fixture
def session(engine: Engine, settings: Settings) -> Iterator[Session]:
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        yield session


def write(session: Session, settings: Settings, raw: bytes = b"", *recipients: str, sender: str = JOE) -> None:
    """A message of ours leaves, and nobody is learned of: what passes here passes as an answer."""
    messages = [read_sent(make_summary(raw or mail(LETTER, "Hello")), sender, recipients or (ANN, MARA), NOW)]
    quiet = replace(settings, outbound=replace(settings.outbound, learn="none"))
    learn_contacts.learn_many(session, messages, how="outbound", settings=quiet, by=Actor.system("outbound"), now=NOW)


def come(
    session: Session, settings: Settings, raw: bytes, *recipients: str, dmarc: Dmarc = DMARC_PASS, reverse_path: str = ANN
) -> list[Delivery]:
    """A message comes in; its deliveries."""
    summary = make_summary(raw)
    found = intake.receive_message(
        session,
        arriving.envelope(*(recipients or (JOE,)), reverse_path=reverse_path),
        raw + f"X-Once: {ids.new_id()}\r\n".encode(),
        arriving.authentication(summary.author, dmarc),
        summary,
        settings=settings,
        now=NOW,
    )
    return [session.get_one(Delivery, one) for one in found]


def answer(author: str = ANN, to: str = "offer.1@company.example", field: str = "In-Reply-To") -> bytes:
    return mail(f"From: {author}\nTo: {JOE}\nCc: {MARA}\nSubject: Re: Offer\n{field}: <older@supplier.example> <{to}>", "Yes, please.\n")


@pytest.mark.parametrize("field", ["In-Reply-To", "References"])
def test_an_answer_passes_for_everybody_here(session: Session, settings: Settings, field: str) -> None:
    write(session, settings)
    came = come(session, settings, answer(field=field), JOE, MARA, INFO)
    assert [(one.state, one.rule) for one in came] == [(State.QUEUED, "reply-to-ours")] * 3
    assert came[0].reason.startswith("it answers a message that Joe Fern sent to supplier.example on 24 Nov 2026")


def test_a_colleague_at_the_same_domain_may_answer(session: Session, settings: Settings) -> None:
    write(session, settings)
    assert come(session, settings, answer("boss@supplier.example"))[0].rule == "reply-to-ours"


@pytest.mark.parametrize(
    ("raw", "dmarc"),
    [
        (answer(to="offer.2@company.example"), DMARC_PASS),  # guessed, and wrong
        (answer(to="OFFER.1@company.example"), DMARC_PASS),
        (answer("eve@evil.example"), Dmarc(Result.PASS, "evil.example")),  # read it in an archive
        (answer("eve@not.supplier.example"), Dmarc(Result.PASS, "not.supplier.example")),
        (answer(), NO_DMARC),  # says it is from there
        (mail(f"From: {ANN}\nSubject: Re: Offer"), DMARC_PASS),  # the subject is no proof
        (mail(f"From: {ANN}\nMessage-ID: <offer.1@company.example>"), DMARC_PASS),
    ],
)
def test_what_only_pretends_to_answer_does_not(session: Session, settings: Settings, raw: bytes, dmarc: Dmarc) -> None:
    write(session, settings)
    assert come(session, settings, raw, dmarc=dmarc)[0].state == State.HELD


def test_a_block_is_stronger(session: Session, settings: Settings) -> None:
    write(session, settings)
    rules.add_rule(session, RuleOrder("block", "domain", "supplier.example", "company"), by=ANA, now=NOW, settings=settings)
    assert come(session, settings, answer())[0].rule == "blocked-sender"


@pytest.mark.parametrize(("author", "rule"), [("pal@gmail.com", "reply-to-ours"), ("other@gmail.com", "first-contact")])
def test_at_a_freemail_provider_the_address_counts(session: Session, settings: Settings, author: str, rule: str) -> None:
    write(session, settings, mail(LETTER, "Hello"), "Pal@Gmail.com")
    assert come(session, settings, answer(author), dmarc=Dmarc(Result.PASS, "gmail.com"))[0].rule == rule


def test_nobody_comes_back_through_a_holiday_notice(session: Session, settings: Settings) -> None:
    write(session, settings, mail(LETTER + "\nAuto-Submitted: auto-replied"))
    assert come(session, settings, answer())[0].rule == "first-contact"


def test_nobody_comes_back_through_a_mailing_list(session: Session, settings: Settings) -> None:
    write(session, settings, mail(LETTER, "Hello"), "users@lists.supplier.example")
    assert come(session, settings, answer("users@lists.supplier.example"))[0].rule == "first-contact"


@pytest.mark.parametrize(
    ("fields", "author", "rule"),
    [
        ("", "team@supplier.example", "reply-to-ours"),
        ("List-Id: <team.supplier.example>\n", ANN, "reply-to-ours"),  # the list leaves its author in place
        ("List-Id: <team.supplier.example>\n", "Eve via Team <team@supplier.example>", "first-contact"),
    ],
)
def test_who_may_post_to_a_list_does_not_answer_in_its_name(
    session: Session, settings: Settings, fields: str, author: str, rule: str
) -> None:
    write(session, settings, mail(LETTER, "Hello"), "team@supplier.example")
    raw = fields.replace("\n", "\r\n").encode() + answer(author)
    assert come(session, settings, raw)[0].rule == rule


def invitation(head: str, method: str) -> bytes:
    calendar = INVITATION.format(method=method).encode()
    return multipart(part("Content-Type: text/plain", b"x"), part("Content-Type: text/calendar; charset=utf-8", calendar), head=head)


@pytest.mark.parametrize(("method", "rule"), [("REQUEST", "reply-to-ours"), ("REPLY", "first-contact")])
def test_calendars_answer_our_invitations(session: Session, settings: Settings, method: str, rule: str) -> None:
    write(session, settings, invitation(LETTER, method))
    accepted = invitation(f"From: {ANN}\nTo: {JOE}\nSubject: Accepted: Offer", "REPLY")
    assert come(session, settings, accepted)[0].rule == rule
    assert come(session, settings, accepted, dmarc=NO_DMARC)[0].rule == "first-contact"


DAEMON = "Mail Delivery System <mailer-daemon@supplier.example>"


def bounce(returned: str = "offer.1@company.example", whole: bool = False, author: str = DAEMON, beside: tuple[bytes, ...] = ()) -> bytes:
    status = "Reporting-MTA: dns; mx\r\n\r\nFinal-Recipient: rfc822; ann@supplier.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    original = mail(f"Message-ID: <{returned}>\nSubject: Offer", "text" if whole else "")
    return multipart(
        part("Content-Type: text/plain", b"There is no Ann."),
        part("Content-Type: message/delivery-status", status.encode()),
        part(f"Content-Type: {'message/rfc822' if whole else 'text/rfc822-headers'}", original),
        *beside,
        subtype="report; report-type=delivery-status",
        head=f"From: {author}\nSubject: Undelivered",
    )


@pytest.mark.parametrize("whole", [True, False])
def test_a_bounce_of_our_mail_comes_back_to_who_sent_it(session: Session, settings: Settings, *, whole: bool) -> None:
    write(session, settings)
    came = come(session, settings, bounce(whole=whole), JOE, MARA, dmarc=NO_DMARC, reverse_path="")
    assert [(one.rule, one.state) for one in came] == [("reply-to-ours", State.QUEUED), ("first-contact", State.HELD)]


def test_a_bounce_that_brings_a_file_along_is_looked_at(session: Session, settings: Settings) -> None:
    write(session, settings)
    invoice = part("Content-Type: application/pdf; name=invoice.pdf", b"%PDF", encoded=True)
    came = come(session, settings, bounce(beside=(invoice,)), dmarc=NO_DMARC, reverse_path="")[0]
    assert (came.rule, came.state) == ("bounce-with-files", State.HELD)
    assert came.reason == "it is a delivery report about a message of ours, with the file invoice.pdf, which no mail system adds"


@pytest.mark.parametrize(("returned", "reverse_path"), [("other@company.example", ""), ("offer.1@company.example", ANN)])
def test_a_bounce_of_what_we_never_sent_does_not(session: Session, settings: Settings, returned: str, reverse_path: str) -> None:
    write(session, settings)
    assert come(session, settings, bounce(returned), dmarc=NO_DMARC, reverse_path=reverse_path)[0].state == State.HELD


def test_nobody_comes_in_as_somebody_else_with_a_bounce(session: Session, settings: Settings) -> None:
    write(session, settings)
    forged = come(session, settings, bounce(author=f"Ann Field <{ANN}>"), dmarc=NO_DMARC, reverse_path="")[0]
    assert (forged.rule, forged.state) == ("first-contact", State.HELD)


@pytest.mark.parametrize(
    ("author", "rule"),
    [
        ("MAILER-DAEMON (Mail Delivery System)", "reply-to-ours"),
        ("Mail Delivery System <>", "reply-to-ours"),
        ("Ann Field <>", "ambiguous-author"),
        ("Mail Delivery System <>\nFrom: Ann Field <>", "ambiguous-author"),
    ],
)
def test_a_mail_system_needs_no_address(session: Session, settings: Settings, author: str, rule: str) -> None:
    write(session, settings)
    assert come(session, settings, bounce(author=author), dmarc=NO_DMARC, reverse_path="")[0].rule == rule


VACATION = "\nAuto-Submitted: auto-replied\nSubject: Away until Monday"


@pytest.mark.parametrize(
    ("raw", "dmarc", "rule"),
    [
        (mail(f"From: {ANN}\nIn-Reply-To: <offer.1@company.example>{VACATION}", "I am away.\n"), DMARC_PASS, "reply-to-ours"),
        (mail(f"From: {ANN}\nIn-Reply-To: <offer.1@company.example>{VACATION}", "I am away.\n"), NO_DMARC, "first-contact"),
        (mail(f"From: {ANN}{VACATION}", "I am away.\n"), DMARC_PASS, "first-contact"),  # older servers name no messages
        (
            mail("From: ask@challenge.example\nIn-Reply-To: <offer.1@company.example>\nAuto-Submitted: auto-replied", "Are you human?\n"),
            Dmarc(Result.PASS, "challenge.example"),
            "first-contact",
        ),
    ],
    ids=["holiday", "unproven", "of nothing", "challenge by others"],
)
def test_what_programs_answer_is_an_answer_like_any(session: Session, settings: Settings, raw: bytes, dmarc: Dmarc, rule: str) -> None:
    write(session, settings)
    assert come(session, settings, raw, dmarc=dmarc, reverse_path="")[0].rule == rule


RETURNED = "Message-ID: <{id}>\nDate: 24 Nov 2026 09:30:00 +0000\nFrom: Joe Fern <joe.fern@company.example>"


def in_words(returned: str = "offer.1@company.example", author: str = DAEMON) -> bytes:
    """A bounce as qmail, Exim and many gateways write it: no report."""
    text = f"I'm afraid I wasn't able to deliver your message.\n\n--- Below is a copy.\n\n{RETURNED.format(id=returned)}\n\nDear Ann\n"
    return mail(f"From: {author}\nTo: {JOE}\nSubject: failure notice", text)


def test_a_bounce_that_is_no_report_comes_back_to_who_sent_the_mail(session: Session, settings: Settings) -> None:
    write(session, settings)
    came = come(session, settings, in_words(), JOE, MARA, dmarc=NO_DMARC, reverse_path="")
    assert [(one.rule, one.state) for one in came] == [("reply-to-ours", State.QUEUED), ("first-contact", State.HELD)]
    assert came[0].reason == "it is a delivery report about a message that Joe Fern sent on 24 Nov 2026"


@pytest.mark.parametrize(
    ("raw", "reverse_path"),
    [
        (in_words("offer.2@company.example"), ""),  # looks like one, and returns nothing of ours
        (in_words(), "mailer-daemon@supplier.example"),
        (in_words(author=f"Ann Field <{ANN}>"), ""),
        (in_words(author="The Boss <>"), ""),
        (mail(f"From: {DAEMON}\nIn-Reply-To: <offer.1@company.example>", "It failed."), ""),
    ],
)
def test_what_only_looks_like_a_bounce_does_not(session: Session, settings: Settings, raw: bytes, reverse_path: str) -> None:
    write(session, settings)
    assert come(session, settings, raw, dmarc=NO_DMARC, reverse_path=reverse_path)[0].state == State.HELD


def test_a_bounce_that_is_no_report_is_believed_for_two_weeks(session: Session, settings: Settings) -> None:
    late = replace(arriving.envelope(JOE, reverse_path=""), received_at=NOW + timedelta(days=14))
    write(session, settings)
    found = intake.receive_message(session, late, in_words(), Authentication(""), make_summary(in_words()), settings=settings, now=NOW)
    assert session.get_one(Delivery, found[0]).state == State.HELD


def receipt(author: str = ANN) -> bytes:
    read = b"Final-Recipient: rfc822;ann@supplier.example\r\nOriginal-Message-ID: <offer.1@company.example>\r\n"
    return multipart(
        part("Content-Type: text/plain", b"Your mail was displayed."),
        part("Content-Type: message/disposition-notification", read),
        subtype="report; report-type=disposition-notification",
        head=f"From: {author}\nSubject: Read: Offer",
    )


def test_a_receipt_answers_our_mail_if_its_author_is_proven(session: Session, settings: Settings) -> None:
    write(session, settings)
    assert come(session, settings, receipt(), reverse_path="")[0].rule == "reply-to-ours"
    assert come(session, settings, receipt(), dmarc=NO_DMARC, reverse_path="")[0].rule == "first-contact"
    assert come(session, settings, receipt(DAEMON), dmarc=NO_DMARC, reverse_path="")[0].rule == "first-contact"
    elsewhere = come(session, settings, receipt("eve@evil.example"), dmarc=Dmarc(Result.PASS, "evil.example"), reverse_path="")
    assert elsewhere[0].rule == "first-contact"


def test_bounces_of_automatic_mail_come_back_too(session: Session, settings: Settings) -> None:
    write(session, settings, mail(LETTER + "\nAuto-Submitted: auto-generated"))
    assert come(session, settings, bounce(), dmarc=NO_DMARC, reverse_path="")[0].rule == "reply-to-ours"


def test_answers_are_awaited_for_as_long_as_addresses_are_known(session: Session, settings: Settings) -> None:
    write(session, settings)
    contacts.forget_lapsed(session, settings=settings, now=NOW + timedelta(days=399))
    assert come(session, settings, answer())[0].rule == "reply-to-ours"
    contacts.forget_lapsed(session, settings=settings, now=NOW + timedelta(days=400))
    assert session.scalars(select(SentMail)).all() == []


def test_nobody_is_named_whose_mail_is_sealed(session: Session, settings: Settings) -> None:
    shut = replace(arriving.COMPANY, sealed=(ConfidentialEntry("person:joe.fern", ("hana",)),))
    directory.apply_directory(session, shut, settings.company, by=arriving.SYNC, now=NOW)
    write(session, settings)
    wide = replace(settings, outbound=replace(settings.outbound, learn="company"))
    learn_contacts.learn_many(session, [Sent(JOE, (ANN,), JOE, NOW)], how="seed", settings=wide, by=Actor.system("seed"), now=NOW)
    told = [come(session, given, answer(author), MARA)[0] for given, author in ((wide, ANN), (settings, "boss@supplier.example"))]
    assert [one.reason.partition(" wrote to ")[0].partition(" sent to ")[0] for one in told] == [
        "Somebody here",
        "it answers a message that somebody here",
    ]
    assert "Joe" not in repr([(one.reason, one.beside) for one in told])


@pytest.mark.parametrize(
    ("signature", "known"),
    [
        (Dkim(Result.PASS, "verein.example", signs_list=True), [("club@verein.example", "club.verein.example", "verein.example")]),
        (Dkim(Result.PASS, "verein.example"), []),
        (Dkim(Result.FAIL, "verein.example", signs_list=True), []),
        (Dkim(Result.PASS, "evil.example", signs_list=True), []),  # would keep us from learning somebody else's address
        (Dkim(Result.PASS, "famous.example", signs_list=True), []),  # would let them in by the name of a list that is not theirs
    ],
)
def test_a_list_is_known_by_its_posts(session: Session, settings: Settings, signature: Dkim, known: list[tuple[str, str, str]]) -> None:
    post = "club@famous.example" if signature.domain == "famous.example" else "Club@Verein.example?subject=x"
    raw = mail(f"From: eve@verein.example\nList-Id: Club <club.verein.example>\nList-Post: <mailto:{post}>")
    for _ in range(2):
        found = Authentication("eve@verein.example", (), (signature,))
        intake.receive_message(session, arriving.envelope(JOE), raw, found, make_summary(raw), settings=settings, now=NOW)
    assert [(one.address, one.list_id, one.signer) for one in session.scalars(select(PostedList))] == known


# staff has said no


def dropped(session: Session, settings: Settings, *addresses: str) -> None:
    """Joe wrote to them, and then staff said no."""
    messages = [Sent(JOE, (one,), JOE, NOW) for one in addresses]
    learn_contacts.learn_many(session, messages, how="outbound", settings=settings, by=Actor.system("outbound"), now=NOW)
    found = contact_review.list_contacts(session, by=ANA, settings=settings)
    contact_review.drop_contacts(session, [one.id for one in found if one.address in addresses], by=ANA, now=NOW)


@pytest.mark.parametrize(
    ("no", "author", "rule"),
    [
        (ANN, ANN, "first-contact"),
        (ANN, "carl@supplier.example", "first-contact"),  # nobody else there was known
        ("carl@supplier.example", ANN, "first-contact"),
        ("ann@other.example", ANN, "reply-to-ours"),
        ("mara@company.example", ANN, "reply-to-ours"),
    ],
)
def test_to_whom_staff_says_no_later_does_not_come_in_by_answering(
    session: Session, settings: Settings, no: str, author: str, rule: str
) -> None:
    write(session, settings)
    dropped(session, settings, no)
    assert [one.rule for one in come(session, settings, answer(author), JOE, MARA)] == [rule, rule]


def test_who_is_known_may_answer_beside_a_colleague_to_whom_staff_said_no(session: Session, settings: Settings) -> None:
    write(session, settings)
    learn_contacts.learn_many(
        session, [Sent(JOE, (ANN,), JOE, NOW)], how="outbound", settings=settings, by=Actor.system("outbound"), now=NOW
    )
    dropped(session, settings, "carl@supplier.example")
    assert [one.rule for one in come(session, settings, answer(), MARA)] == ["reply-to-ours"]
    assert [one.rule for one in come(session, settings, answer("carl@supplier.example"), MARA)] == ["first-contact"]
