"""Contacts that a sent message teaches, by its headers and address by address."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from tests.triage.messages import mail as written, multipart, part
from triage.addressing.envelope import Address
from triage.message.summary import Summary, make_summary
from triage.policy.contacts.contact_evidence import WORDS, Reason, digest_subject, read_sent, why_not, why_not_address

OURS = frozenset({"company.example"})
JOE = "joe.fern@company.example"
HEAD = f"From: Joe Fern <{JOE}>\nTo: Ann <ann@supplier.example>\nSubject: Offer\nMessage-ID: <1@company.example>"
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def mail(head: str, text: str = "Hello") -> bytes:
    """A message with words."""
    return written(head, text)


def calendar(method: str) -> bytes:
    lines = [
        "BEGIN:VCALENDAR",
        f"METHOD:{method}",
        "BEGIN:VEVENT",
        "UID:4711-0815",
        " -folded@company.example",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    return multipart(
        part("Content-Type: text/plain", b"See you"),
        part(f"Content-Type: text/calendar; method={method}; charset=utf-8", "\r\n".join(lines).encode(), encoded=True),
        subtype="alternative",
        head=HEAD,
    )


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (mail(HEAD), None),
        (mail(HEAD.replace("Offer", "Re: Automatic doors of the office")), None),
        (mail(HEAD + "\nAuto-Submitted: no"), None),
        (mail(HEAD + "\nAuto-Submitted: auto-replied (vacation)"), Reason.AUTOMATIC),
        (mail(HEAD + "\nAuto-Submitted: auto-generated"), Reason.AUTOMATIC),
        (mail(HEAD + "\nX-Autoreply: yes"), Reason.AUTOMATIC),
        (mail(HEAD + "\nX-Auto-Response-Suppress: All"), Reason.AUTOMATIC),
        (mail(HEAD + "\nX-Vacation: yes"), Reason.AUTOMATIC),
        (mail(HEAD.replace("Offer", "Automatic reply: Offer")), Reason.AUTOMATIC),
        (mail(HEAD.replace("Offer", "AW: Out of Office: Offer")), Reason.AUTOMATIC),
        (mail(HEAD.replace("Offer", "Abwesenheitsnotiz: Angebot")), Reason.AUTOMATIC),
        (mail(HEAD.replace("Offer", "WG: Automatische Antwort: Angebot")), None),
        (mail(HEAD.replace("Offer", "Re: FW: Out of office: Offer")), None),
        (mail(HEAD.replace("Offer", "=?utf-8?q?R=C3=A9ponse_automatique_=3A_Offre?=")), Reason.AUTOMATIC),
        (mail(HEAD.replace("Offer", "Unsubscribe")), Reason.UNSUBSCRIBE),
        (mail(HEAD.replace("Offer", "unsubscribe: 4711-x")), Reason.UNSUBSCRIBE),
        (mail(HEAD.replace("Offer", "Newsletter abbestellen")), Reason.UNSUBSCRIBE),
        (mail(HEAD.replace("Offer", "=?utf-8?q?D=C3=A9sinscription_4711?=")), Reason.UNSUBSCRIBE),
        (mail(HEAD.replace("Offer", "unsubscribe : - list_4711")), Reason.UNSUBSCRIBE),
        (mail(HEAD.replace("Offer", f"unsubscribe{':' * 320}{'1' * 600} x")), None),  # in one pass
        (mail(HEAD.replace("Offer", "Abmelden am Empfang")), None),
        (mail(HEAD.replace("Offer", "Unsubscribe button of our offer of 2026")), None),
        (mail(HEAD + "\nPrecedence: bulk"), Reason.BULK),
        (mail(HEAD + "\nPrecedence: junk"), Reason.BULK),
        (mail(HEAD + "\nPrecedence: list"), Reason.LIST),
        (mail(HEAD + "\nList-Id: <news.company.example>"), Reason.LIST),
        (mail(HEAD + "\nList-Unsubscribe: <mailto:leave@company.example>"), Reason.LIST),
        (mail(HEAD.replace("Offer", ""), "Apple Mail sent this email to unsubscribe from the message “Our offers”."), Reason.UNSUBSCRIBE),
        (mail(HEAD.replace("Offer", ""), "Diese E-Mail wurde von Apple Mail gesendet, um zu kündigen."), Reason.UNSUBSCRIBE),
        (mail(HEAD.replace("Offer", "4711"), ""), Reason.UNSUBSCRIBE),  # the address and the subject are the newsletter's to choose
        (mail(HEAD.replace("Offer", "Apple Mail"), "How do I set up Apple Mail?"), None),
        (mail(HEAD.replace("Offer", ""), "Hello"), None),
        (mail(HEAD + "\nIn-Reply-To: <9@supplier.example>", ""), None),
        (multipart(part("Content-Type: application/pdf; name=offer.pdf", b"%PDF"), head=HEAD), None),
        (
            multipart(part("Content-Type: text/plain", b"read"), subtype="report; report-type=disposition-notification", head=HEAD),
            Reason.RECEIPT,
        ),
        (multipart(part("Content-Type: text/plain", b"no"), subtype="report; report-type=delivery-status", head=HEAD), Reason.BOUNCE),
        (calendar("REPLY"), Reason.CALENDAR_REPLY),
        (calendar("REQUEST"), None),
    ],
)
def test_what_a_mail_says_itself(raw: bytes, reason: Reason | None) -> None:
    assert why_not(make_summary(raw), JOE) == reason
    assert read_sent(make_summary(raw), JOE, ("ann@supplier.example",), NOW).why_not == reason


def test_a_null_sender_teaches_nothing() -> None:
    assert why_not(make_summary(mail(HEAD)), "") == Reason.NULL_SENDER


@pytest.mark.parametrize(
    ("method", "uid"), [("REQUEST", "4711-0815-folded@company.example"), ("CANCEL", "4711-0815-folded@company.example"), ("REPLY", "")]
)
def test_the_uid_of_what_somebody_is_invited_to_is_kept(method: str, uid: str) -> None:
    assert read_sent(make_summary(calendar(method)), JOE, (), NOW).uid == uid


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("ann@supplier.example", None),
        ("ann.miller-smith@supplier.example", None),
        ("1234567890@qq.example", None),
        ("info@supplier.example", None),
        ("ann+orders@supplier.example", None),
        ("abuse@supplier.example", None),
        ("ana@company.example", Reason.OWN_DOMAIN),
        ("ana@sales.company.example", Reason.OWN_DOMAIN),
        ("noreply@supplier.example", Reason.NO_REPLY),
        ("do-not-reply@supplier.example", Reason.NO_REPLY),
        ("orders-noreply@supplier.example", Reason.NO_REPLY),
        ("no_reply+de@supplier.example", Reason.NO_REPLY),
        ("mailer-daemon@supplier.example", Reason.NO_REPLY),
        ("unsubscribe@supplier.example", Reason.UNSUBSCRIBE),
        ("news-unsubscribe-4711@supplier.example", Reason.UNSUBSCRIBE),
        ("announce-request@supplier.example", Reason.UNSUBSCRIBE),
        ("leave-4711-x@supplier.example", Reason.UNSUBSCRIBE),
        ("opt-out@supplier.example", Reason.UNSUBSCRIBE),
        ("abmeldung@supplier.example", Reason.UNSUBSCRIBE),
        ("newsletter-abmelden+4711@supplier.example", Reason.UNSUBSCRIBE),
        ("desinscription@supplier.example", Reason.UNSUBSCRIBE),
        ("anmeldung@supplier.example", None),
        ("bounce-4711=joe=company.example@news.example", Reason.ONE_TIME),
        ("srs0=hhh=tt=a.example=ann@relay.example", Reason.ONE_TIME),
        ("reply+ab12cd34ef56ab12cd34ef56@reply.example", Reason.ONE_TIME),
        ("case.5f3a9c1d77e2b04488@tracker.example", Reason.ONE_TIME),
        ("users@lists.debian.example", Reason.LIST_POST),
        ("chess@googlegroups.com", Reason.LIST_POST),
    ],
)
def test_address_by_address(address: str, reason: Reason | None) -> None:
    assert why_not_address(Address.parse(address), OURS) == reason


def test_every_reason_has_words() -> None:
    assert set(WORDS) == set(Reason)


@pytest.mark.parametrize("subject", ["Offer", "RE: Offer", "AW: Re: offer ", "Re[2]: Offer"])
def test_answers_have_the_digest_of_what_they_answer(subject: str) -> None:
    assert digest_subject(subject) == digest_subject("offer") != digest_subject("Offers")


@given(st.text(max_size=60), st.text(max_size=200))
def test_no_text_is_too_odd(local: str, subject: str) -> None:
    digest_subject(subject)
    assert why_not(replace(Summary(), subject=subject), JOE) in (None, Reason.AUTOMATIC, Reason.UNSUBSCRIBE)
    try:
        address = Address.parse(f"{local}@supplier.example")
    except ValueError:
        return
    assert why_not_address(address, OURS) is not Reason.OWN_DOMAIN
