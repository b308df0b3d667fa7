"""Mail of ours to somebody here: what it looks like, and that it stays in the company."""

import email
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given, strategies as st
from sqlalchemy import Engine

from tests.triage.arriving import NOW
from triage.actor import Actor
from triage.config.settings import Settings
from triage.delivery import internal_mail, queue
from triage.delivery.internal_mail import EmployeeNotice, Line, Section
from triage.errors import BadInput
from triage.store import bodies, db
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message

BY = Actor.system("notices")
NOTICE = EmployeeNotice(
    "joe.fern@company.example",
    "Mail waits",
    (
        Section(
            "Sales & more",
            (Line("<b>5</b> messages", ("since <9", "or so"), "https://mailroom.example/#/x?a=1&b=2"), Line("6 messages")),
            "Ask:",
        ),
    ),
    "Mailroom\nat your service",
    "You are <told>.",
)


def parsed(notice: EmployeeNotice) -> EmailMessage:
    names = {"number": "0ABC", "boundary": "=_cut", "hostname": "mx.company.example"}
    raw = internal_mail.write_notice_bytes(notice, "postmaster@company.example", **names, now=NOW)
    assert all(line.isascii() and len(line) < 998 for line in raw.splitlines())
    return email.message_from_bytes(raw, policy=default)


def parts(message: EmailMessage) -> tuple[str, str]:
    text, page = message.get_body(("plain",)), message.get_body(("html",))
    assert text
    assert page
    return text.get_content().replace("\r\n", "\n"), page.get_content()


def test_text_and_html_say_the_same() -> None:
    message = parsed(NOTICE)
    text, page = parts(message)
    assert text == (
        "You are <told>.\n\n"
        "Sales & more\n- <b>5</b> messages\n  since <9, or so\n  Ask: https://mailroom.example/#/x?a=1&b=2\n- 6 messages\n\n"
        "Mailroom\nat your service\n"
    )
    assert (
        "<p>You are &lt;told&gt;.</p><h2>Sales &amp; more</h2><ul><li><b>&lt;b&gt;5&lt;/b&gt; messages</b><br><small>since &lt;9, or so"
        in page
    )
    assert '<a href="https://mailroom.example/#/x?a=1&amp;b=2">Ask:</a></li><li>6 messages</li></ul>' in page
    assert "<footer>Mailroom<br>at your service</footer>" in page
    assert (message["auto-submitted"], message["from"]) == ("auto-generated", "Mailroom <postmaster@company.example>")


@given(st.text(), st.text(), st.text())
def test_whatever_it_says_it_stays_one_mail_to_one_person(subject: str, line: str, title: str) -> None:
    message = parsed(EmployeeNotice("joe.fern@company.example", subject, (Section(title, (Line(line, (line,)),)),), "end"))
    assert message.get_all("to") == ["joe.fern@company.example"]
    assert message.get_content_type() == "multipart/alternative"
    text, page = parts(message)
    assert text.endswith("\n\nend\n")
    assert page.count("<li>") == 1
    assert "<script" not in page.replace("&lt;", "")


def test_it_waits_in_the_queue_like_any_other_mail(known: Engine, settings: Settings) -> None:
    with db.transaction(known) as session:
        folder = ("it", "joe.fern")
        message_id = internal_mail.send_notice(session, NOTICE, folder=folder, rule="r", reason="why", settings=settings, by=BY, now=NOW)
        (claim,) = queue.claim_deliveries(session, limit=5, settings=settings, now=NOW)
        assert (claim.message_id, claim.mailbox, claim.reverse_path, claim.direction) == (message_id, NOTICE.to, "", "report")
        assert b"Auto-Submitted: auto-generated" in bodies.load_body(session, session.get_one(Message, message_id).content_id)
        assert session.get_one(Delivery, claim.delivery_id).department == "it"


@pytest.mark.parametrize("to", ["eve@stranger.example", "joe@company.example.stranger.example", "nobody"])
def test_nobody_outside_is_told(known: Engine, settings: Settings, to: str) -> None:
    notice = EmployeeNotice(to, "x", (), "")
    with pytest.raises(BadInput, match="is outside the company"), db.transaction(known) as session:
        internal_mail.send_notice(session, notice, folder=("", ""), rule="r", reason="why", settings=settings, by=BY, now=NOW)
