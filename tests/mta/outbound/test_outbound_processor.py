"""Employees' mail at the outbound listener: from whom it is taken, that it goes on whatever it says, and what it teaches."""

import base64
import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import select

from mta.outbound import outbound_processor
from mta.peer.client_limits import GUESSES_COUNT
from mta.processing import processor
from mta.processing.worker_pool import Judged
from mta.session.submitters import MOST_FOR_A_NAME, MOST_OF_A_CLIENT, Submitters, read_accounts
from mta.spool.spool import Spool
from tests.peers.mail import postfix
from tests.peers.processes import HANG, free_port
from tests.peers.receiving import make_certificate, read_spool, wait_until
from tests.triage import arriving
from tests.triage.messages import mail, multipart, part
from triage.addressing.envelope import Envelope
from triage.config.settings import Database, Settings, host_port
from triage.errors import BadInput
from triage.ids import format_id, new_id
from triage.policy.learning import learn_contacts
from triage.runtime.spool_stats import OFTEN
from triage.store.db import open_engine, read_transaction, transaction
from triage.store.models.contacts import Contact, NotLearned, SentMail
from triage.store.models.deliveries import Attempt, Delivery
from triage.store.models.employees import Expectation, MailReport
from triage.times import utcnow

JOE, ANN = "joe.fern@company.example", "ann@supplier.example"
JOURNAL = "journal@company.example"
LETTER = mail(f"From: Joe Fern <{JOE}>\nTo: {ANN}\nSubject: Offer\nMessage-ID: <1@company.example>", "Hello\n")


@dataclass
class Door:
    """An outbound listener that runs, and its database."""

    settings: Settings

    @property
    def address(self) -> tuple[str, int]:
        return host_port(self.settings.outbound.listen, "listen")

    def send(self, raw: bytes = LETTER, *recipients: str, sender: str = JOE) -> None:
        """Hand a message over, as the internal server does."""
        with smtplib.SMTP(*self.address, local_hostname="inner.company.example", timeout=HANG) as client:
            client.sendmail(sender, recipients or (ANN,), raw)

    def rows(self, table: type) -> list[object]:
        """All rows of a table."""
        engine = open_engine(self.settings.database.url)
        try:
            with read_transaction(engine) as session:
                found: list[object] = list(session.scalars(select(table)))
                session.expunge_all()
                return found
        finally:
            engine.dispose()

    def deliveries(self, count: int) -> list[Delivery]:
        """The deliveries, once there are so many."""
        wait_until(lambda: len(self.rows(Delivery)) >= count)
        return sorted((one for one in self.rows(Delivery) if isinstance(one, Delivery)), key=lambda one: one.recipient)

    def known(self) -> dict[str, str]:
        """Contacts, with the employee who wrote to each."""
        return {one.address: one.person for one in self.rows(Contact) if isinstance(one, Contact)}

    def reasons(self) -> dict[str, int]:
        """Reasons why nothing was learned, with their counts."""
        return {one.reason: one.count for one in self.rows(NotLearned) if isinstance(one, NotLearned)}


@contextlib.contextmanager
def listening(settings: Settings) -> Iterator[Door]:
    """Run it until the end of the block."""
    ready, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=outbound_processor.run_role, args=(settings, stop, ready.set), daemon=True)
    thread.start()
    assert ready.wait(HANG)
    try:
        yield Door(settings)
    finally:
        stop.set()
        thread.join(HANG)
        assert not thread.is_alive()


def set_up(settings: Settings, url: str) -> Settings:
    """The settings of a company whose internal servers are on this machine."""
    settings = replace(
        settings,
        database=Database(url),
        relay=replace(settings.relay, smarthost=f"maildir:{settings.spool.directory}/outside"),
        outbound=replace(settings.outbound, listen=f"127.0.0.1:{free_port()}", networks=("127.0.0.1/32",), journal_address=JOURNAL),
    )
    engine = open_engine(url)
    with transaction(engine) as session:
        arriving.set_up(session, settings)
    engine.dispose()
    return settings


@pytest.fixture
def own(settings: Settings, sqlite_url: str) -> Settings:
    return set_up(settings, sqlite_url)


def test_it_is_queued_for_the_smarthost_and_learned_from(settings: Settings, database_url: str) -> None:
    with listening(set_up(settings, database_url)) as door:
        door.send(LETTER, ANN, "Bob@Other.Example", "bob@other.example")
        first, second = door.deliveries(2)
        wait_until(lambda: len(door.known()) == 2)
    assert [(one.recipient, one.mailbox, one.state, one.direction, one.rule) for one in (first, second)] == [
        (ANN, ANN, "queued", "outbound", "new-recipient"),
        ("bob@other.example", "bob@other.example", "queued", "outbound", "new-recipient"),
    ]
    assert (first.department, first.person, first.subject, first.search) == ("it", "joe.fern", "", "")
    assert door.known() == {ANN: "joe.fern", "bob@other.example": "joe.fern"}
    (sent,) = door.rows(SentMail)
    assert isinstance(sent, SentMail)
    assert (sent.message_id, sent.went_to) == ("1@company.example", ["other.example", "supplier.example"])


def test_the_promise_needs_no_database(own: Settings, tmp_path: Path) -> None:
    settings = replace(own, database=Database(f"sqlite:///{tmp_path}/empty.db"))  # without any table
    with listening(settings) as door:
        door.send()
    kept = settings.spool.directory / "outbound"
    assert list((kept / "retry").glob("*.batch")) or read_spool(kept)


@pytest.mark.parametrize(
    "raw",
    [
        b"no header at all",
        mail("From: x"),
        b"From: " + b"(" * 5000 + b"\r\n\r\nx",
        mail(f"From: {JOE}\nTo: {ANN}\nContent-Type: multipart/mixed; boundary=x", "--x\n\na\n" * 2000),
    ],
)
def test_whatever_it_says_it_goes_on(own: Settings, raw: bytes) -> None:
    with listening(own) as door:
        door.send(raw)
        assert [one.state for one in door.deliveries(1)] == ["queued"]
        wait_until(door.reasons)
    assert door.known() == {}


def test_a_fault_in_learning_keeps_no_mail_back(own: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(learn_contacts, "learn_many", broken)
    with listening(own) as door:
        door.send()
        assert [one.state for one in door.deliveries(1)] == ["queued"]
    assert door.rows(Attempt) == []


def test_a_null_sender_goes_on_and_teaches_nothing(own: Settings) -> None:
    with listening(own) as door:
        door.send(sender="")
        door.deliveries(1)
        wait_until(lambda: door.reasons() == {"null-sender": 1})
    assert (door.known(), door.rows(SentMail)) == ({}, [])


ODD = ('"john doe"@supplier.example', "taro..yamada.@carrier.example", f"reply+{'aB1' * 25}@tracker.example", "ops@[192.0.2.7]")


def test_addresses_that_nobody_here_could_have_are_left_to_the_outside(own: Settings) -> None:
    with listening(own) as door:
        with smtplib.SMTP(*door.address, local_hostname="inner.company.example", timeout=HANG) as client:
            client.ehlo()
            client.mail(JOE)
            assert [client.docmd(f"RCPT TO:<{one}>")[0] for one in ODD] == [250] * len(ODD)
            assert client.docmd("RCPT TO:<joe>")[0] == client.docmd("RCPT TO:<a@b@supplier.example>")[0] == 553
            client.data(LETTER)
        assert {one.mailbox for one in door.deliveries(len(ODD))} == set(ODD)
        wait_until(lambda: door.reasons().get("malformed") == len(ODD))


def test_strangers_are_sent_away(own: Settings) -> None:
    with (
        listening(own) as door,
        socket.create_connection(door.address, HANG, source_address=("127.0.0.2", 0)) as client,
        client.makefile("rb") as stream,
    ):
        assert stream.readline() == b"554 5.7.1 Only our own servers may send through this one\r\n"
        assert stream.read() == b""
    assert read_spool(own.spool.directory / "outbound") == []


def test_mail_that_goes_round_in_circles_is_refused(own: Settings) -> None:
    ours = "\n".join(["Received: from x by mx.company.example; Tue, 24 Nov 2026 09:30:00 +0000"] * 4)
    with listening(own) as door, pytest.raises(smtplib.SMTPDataError, match="round in circles"):
        door.send(mail(f"{ours}\nFrom: {JOE}"))


def test_what_we_fail_over_again_and_again_goes_out_and_teaches_nothing(own: Settings) -> None:
    engine, settled = open_engine(own.database.url), threading.Event()
    envelope = Envelope(new_id(), utcnow() - 2 * processor.PATIENCE, JOE, (ANN,), "192.0.2.25", "inner.company.example")
    message = Judged(envelope, LETTER, OFTEN - 1, settled.set, fault="OSError: ours")
    writer = outbound_processor.Departures(engine, Spool(own.spool.directory / "outbound"), own, [])
    assert writer.settle([message], threading.Event()) == []
    engine.dispose()
    door = Door(own)
    assert settled.is_set()
    assert [(one.recipient, one.state) for one in door.deliveries(1)] == [(ANN, "queued")]
    assert (door.known(), door.reasons()) == ({}, {"unreadable": 1})


def test_too_many_recipients_are_deferred(own: Settings) -> None:
    settings = replace(own, smtp=replace(own.smtp, max_recipients=2))
    with listening(settings) as door, smtplib.SMTP(*door.address, timeout=HANG) as client:
        client.ehlo()
        client.mail(JOE)
        assert [client.rcpt(f"{number}@x.example")[0] for number in range(3)] == [250, 250, 452]


# copies


def test_a_plain_copy_teaches_by_its_header_and_goes_nowhere(own: Settings) -> None:
    with listening(own) as door:
        door.send(mail(f"From: {JOE}\nTo: {ANN}\nCc: Bob <bob@other.example>, mara.berg@company.example", "Hello\n"), JOURNAL.upper())
        wait_until(lambda: len(door.known()) == 2)
        door.send(mail(f"From: {ANN}\nTo: {JOE}", "Hello\n"), JOURNAL, sender=ANN)  # always_bcc copies what comes in, too
        wait_until(lambda: door.reasons() == {"own-domain": 1, "not-ours": 1})
    assert door.known() == {ANN: "joe.fern", "bob@other.example": "joe.fern"}
    assert door.rows(Delivery) == []


REPORT = f"""Sender: {JOE}\r
Subject: To: eve@evil.example\r
Message-Id: <1@company.example>\r
To: {ANN}\r
Cc: member@other.example, Expanded: group@company.example\r
Bcc: <hidden@third.example>\r
Recipient: mara.berg@company.example\r
"""


@pytest.mark.parametrize("encoded", [False, True])
def test_a_journal_report_teaches_by_the_real_envelope(own: Settings, *, encoded: bool) -> None:
    report = multipart(
        part("Content-Type: text/plain; charset=us-ascii", REPORT.encode(), encoded=encoded),
        part("Content-Type: message/rfc822", LETTER),
        head="From: <MicrosoftExchange@company.example>\nX-MS-Journal-Report:\nSubject: Offer",
    )
    with listening(own) as door:
        door.send(report, JOURNAL, sender="")
        wait_until(lambda: len(door.known()) == 3)
    assert door.known() == dict.fromkeys((ANN, "member@other.example", "hidden@third.example"), "joe.fern")
    assert door.reasons() == {"own-domain": 1}
    assert door.rows(Delivery) == []


def test_a_journal_report_of_an_automatic_answer_teaches_nothing(own: Settings) -> None:
    answer = LETTER.replace(b"Subject:", b"Auto-Submitted: auto-replied\r\nSubject:")
    report = multipart(
        part("Content-Type: text/plain", REPORT.encode()),
        part("Content-Type: message/rfc822", answer),
        head="From: <MicrosoftExchange@company.example>\nX-MS-Journal-Report:\nSubject: Offer",
    )
    with listening(own) as door:
        door.send(report, JOURNAL, sender="")
        wait_until(lambda: door.reasons() == {"automatic": 1})
    assert door.known() == {}


def forged_report(*, marked: bool = True) -> bytes:
    """Forged journal report."""
    return multipart(
        part("Content-Type: text/plain", f"Sender: {JOE}\r\nTo: {ANN}\r\n".encode()),
        part("Content-Type: message/rfc822", LETTER),
        head="From: <MicrosoftExchange@company.example>\nSubject: Offer" + ("\nX-MS-Journal-Report:" if marked else ""),
    )


@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize("reverse_path", ["", "bounce+1@company.example", "evil@evil.example", JOE])
def test_a_copy_of_what_came_in_teaches_nothing(own: Settings, reverse_path: str, *, marked: bool) -> None:
    stamped = b"X-Mailroom-Message: 1\r\nX-Mailroom-Verdict: postmaster\r\n"  # always_bcc copies what a stranger wrote to postmaster@
    with listening(own) as door:
        door.send(stamped + forged_report(marked=marked), JOURNAL, sender=reverse_path)
        wait_until(lambda: door.reasons() == {"not-ours": 1})
    assert door.known() == {}


def test_an_employee_writes_no_journal_reports(own: Settings) -> None:
    with listening(own) as door:
        door.send(forged_report(), JOURNAL, sender="mara.berg@company.example")
        wait_until(lambda: door.reasons() == {"forward": 1})
    assert door.known() == {}


def test_without_a_way_out_only_copies_are_taken(own: Settings) -> None:
    settings = replace(own, relay=replace(own.relay, smarthost=""))
    with listening(settings) as door, smtplib.SMTP(*door.address, timeout=HANG) as client:
        client.ehlo()
        client.mail(JOE)
        assert [client.rcpt(ANN)[0], client.rcpt(JOURNAL)[0]] == [550, 250]


# signing in


@pytest.fixture
def guarded(own: Settings, tmp_path: Path) -> Settings:
    """Settings without trusted networks; the servers sign in."""
    chain, key = make_certificate(tmp_path)
    file = tmp_path / "accounts"
    file.write_text("# servers\n\nexchange:s3cr:et\n")
    return replace(
        own,
        smtp=replace(own.smtp, tls_cert=str(chain), tls_key=str(key)),
        outbound=replace(own.outbound, networks=(), accounts_file=str(file)),
    )


def encrypted(door: Door) -> smtplib.SMTP:
    """A client that has said STARTTLS."""
    client = smtplib.SMTP(*door.address, local_hostname="inner.company.example", timeout=HANG)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    client.starttls(context=context)
    client.ehlo()
    return client


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_who_signs_in_may_send(guarded: Settings, mechanism: str) -> None:
    with listening(guarded) as door, encrypted(door) as client:
        assert client.esmtp_features["auth"].split() == ["PLAIN", "LOGIN"]
        assert client.docmd("MAIL FROM:<a@b.example>") == (530, b"5.7.0 Sign in first")
        client.user, client.password = "exchange", "s3cr:et"
        assert client.auth(mechanism, getattr(client, f"auth_{mechanism.lower()}"))[0] == 235
        client.sendmail(JOE, [ANN], LETTER)
        assert [one.recipient for one in door.deliveries(1)] == [ANN]
        assert client.docmd("AUTH PLAIN x")[0] == 503


@pytest.mark.parametrize(
    ("parameters", "code"), [("AUTH=<>", 250), ("SIZE=9 AUTH=joe+2Bx@b.example", 250), ("AUTH=", 501), ("AUTH=a+z", 501)]
)
def test_who_signs_in_may_say_for_whom(guarded: Settings, parameters: str, code: int) -> None:
    with listening(guarded) as door, encrypted(door) as client:
        client.login("exchange", "s3cr:et")
        assert client.docmd(f"MAIL FROM:<{JOE}> {parameters}")[0] == code


@pytest.mark.peers
def test_a_real_postfix_signs_in(guarded: Settings) -> None:
    """As docs/how-to/outgoing-mail.md has it."""
    with listening(guarded) as door:
        port = door.address[1]
        signing_in = f"""
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = inline:{{ {{ [127.0.0.1]:{port} = exchange:s3cr:et }} }}
smtp_sasl_security_options = noanonymous
smtp_send_dummy_mail_auth = yes
smtp_tls_security_level = encrypt
"""
        with postfix.start_postfix(port, "elsewhere.example", signing_in) as server:
            with smtplib.SMTP("127.0.0.1", server.port, timeout=HANG) as client:
                client.sendmail(JOE, [ANN], LETTER)
            assert [one.recipient for one in door.deliveries(1)] == [ANN]


def test_passwords_are_taken_encrypted_only(guarded: Settings) -> None:
    with listening(guarded) as door, smtplib.SMTP(*door.address, timeout=HANG) as client:
        client.ehlo()
        assert "auth" not in client.esmtp_features
        assert client.docmd("AUTH PLAIN " + base64.b64encode(b"\0exchange\0s3cr:et").decode())[0] == 538
        assert client.docmd(f"MAIL FROM:<{JOE}>")[0] == 530


def test_three_wrong_passwords_end_the_session(guarded: Settings) -> None:
    with listening(guarded) as door:
        client = encrypted(door)
        for answer, code in (
            ("*", 501),
            ("no base64!", 501),
            ("=", 535),
            (base64.b64encode(b"\0exchange\0wrong").decode(), 535),
            (base64.b64encode(b"\0nobody\0").decode(), 421),
        ):
            assert client.docmd("AUTH PLAIN") == (334, b"")
            assert client.docmd(answer)[0] == code
        client.close()


def test_who_guesses_passwords_is_not_heard_for_a_while(guarded: Settings) -> None:
    right, wrong = (f"AUTH PLAIN {base64.b64encode(said).decode()}" for said in (b"\0exchange\0s3cr:et", b"\0exchange\0wrong"))
    with listening(guarded) as door:
        for _ in range(3):
            with encrypted(door) as client:
                assert [client.docmd(wrong)[0] for _ in range(3)] == [535, 535, 421]
        with encrypted(door) as client:
            assert client.docmd(wrong)[0] == 535  # the tenth
            assert client.docmd(right) == (454, b"4.7.0 Too many wrong passwords; try again later")


def test_many_who_guess_for_one_name_are_not_heard_and_keep_nobody_out_who_was_in(own: Settings, tmp_path: Path) -> None:
    (tmp_path / "accounts").write_text("exchange:s3cr:et\n")
    who = Submitters(replace(own.outbound, networks=("192.0.2.25",), accounts_file=str(tmp_path / "accounts")))
    who.note("exchange", "2001:db8:7::25", 0, right=True)
    for number in range(MOST_FOR_A_NAME):
        assert who.may_try("exchange", "203.0.113.9", number)
        who.note("exchange", f"198.51.100.{number}", number, right=False)
    for name, peer, is_heard in (
        ("exchange", "203.0.113.9", False),
        ("exchange", "local", False),  # by a unix socket
        ("exchange", "192.0.2.25", True),  # a network of ours
        ("exchange", "2001:db8:7::26", True),  # where it has signed in
        ("backup", "203.0.113.9", True),
        ("backup", "2001:db8:7::25", True),
    ):
        assert who.may_try(name, peer, MOST_FOR_A_NAME) is is_heard
    assert who.may_try("exchange", "203.0.113.9", MOST_FOR_A_NAME + GUESSES_COUNT)


def test_whoever_belongs_here_and_guesses_counts_for_its_address_only(own: Settings, tmp_path: Path) -> None:
    (tmp_path / "accounts").write_text("exchange:s3cr:et\n")
    who = Submitters(replace(own.outbound, networks=("192.0.2.0/24",), accounts_file=str(tmp_path / "accounts")))
    for number in range(MOST_FOR_A_NAME):
        who.note("exchange", f"192.0.2.{number}", 0, right=False)
    assert who.may_try("exchange", "203.0.113.9", 1)
    for number in range(MOST_OF_A_CLIENT):
        who.note("exchange", "192.0.2.25", 0, right=False)
        who.note("exchange", f"2001:db8::{number:x}", 0, right=False)
    assert not who.may_try("exchange", "192.0.2.25", 1)
    assert not who.may_try("exchange", "2001:db8::ffff", 1)  # it owns all addresses in its /64
    assert who.may_try("exchange", "2001:db8:0:1::1", 1)


def test_the_accounts_are_read_anew_and_a_broken_file_changes_nothing(tmp_path: Path, own: Settings) -> None:
    file = tmp_path / "accounts"
    file.write_text("one:1\n")
    who = Submitters(replace(own.outbound, accounts_file=str(file)))
    assert (who.know("one", "1"), who.know("one", ""), who.know("two", "2"), who.know("", "")) == (True, False, False, False)
    file.write_text("two:2\n# changed\n")
    assert (who.know("one", "1"), who.know("two", "2")) == (False, True)
    file.write_text("nothing that counts\n#####\n#")
    assert who.know("two", "2")


def test_a_line_without_a_password_is_named() -> None:
    with pytest.raises(ValueError, match="line 2 is not NAME:PASSWORD"):
        dict(read_accounts(["a:b", "c"]))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"networks": ()}, "outbound.networks: nobody may send yet"),
        ({"networks": ("0.0.0.0/0",)}, "the whole internet"),
        ({"networks": ("::/0",)}, "the whole internet"),
        ({"networks": ("here",)}, "is no network"),
        ({"accounts_file": "/nowhere"}, "cannot be used"),
    ],
)
def test_settings_that_make_no_sense_are_refused(own: Settings, values: dict[str, object], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        outbound_processor.run_role(replace(own, outbound=replace(own.outbound, **values)), threading.Event())  # type: ignore[arg-type]


def test_without_a_smarthost_it_does_not_begin(own: Settings) -> None:
    settings = replace(own, relay=replace(own.relay, smarthost=""), outbound=replace(own.outbound, journal_address=""))
    with pytest.raises(BadInput, match=r"outbound\.smarthost: there is no way to the outside"):
        outbound_processor.run_role(settings, threading.Event())


def test_accounts_need_encryption(guarded: Settings) -> None:
    with pytest.raises(BadInput, match="over TLS only"):
        outbound_processor.run_role(replace(guarded, smtp=replace(guarded.smtp, tls_cert="", tls_key="")), threading.Event())


def test_a_port_that_is_taken_is_named_by_its_setting(own: Settings) -> None:
    with socket.create_server(host_port(own.outbound.listen, "")), pytest.raises(BadInput, match=r"is in use; .*change outbound\.listen"):
        outbound_processor.run_role(own, threading.Event())


# what employees write to ourselves


@pytest.fixture
def listened_to(own: Settings) -> Settings:
    """A company that hears its employees."""
    outbound = replace(own.outbound, report_address="report@company.example", expect_address="expect@company.example")
    return replace(own, outbound=outbound)


def arrived(settings: Settings) -> Delivery:
    """A message to Joe has come in."""
    engine = open_engine(settings.database.url)
    try:
        with transaction(engine) as session:
            (made,) = arriving.arrive(session, settings, "it+joe.fern@company.example", author="odd@evil.example", subject="Gift cards")
            found = session.get_one(Delivery, made)
            session.expunge(found)
            return found
    finally:
        engine.dispose()


def test_a_forwarded_mail_is_a_report_and_goes_nowhere(listened_to: Settings) -> None:
    odd = arrived(listened_to)
    forwarded = f"---- Forwarded ----\nFrom: Eve <odd@evil.example>\nSubject: {odd.subject}\nTo: Joe\n\nHello\n"
    with listening(listened_to) as door:
        door.send(mail(f"From: {JOE}\nSubject: Fwd: {odd.subject}", forwarded), "Report@company.example")
        wait_until(lambda: door.rows(MailReport))
        door.deliveries(2)
    (report,) = door.rows(MailReport)
    assert isinstance(report, MailReport)
    assert (report.delivery_id, report.person, report.how) == (odd.id, "joe.fern", "content")
    thanks = next(one for one in door.deliveries(2) if one.direction == "report")
    assert (thanks.recipient, thanks.rule, thanks.state) == (JOE, "report-thanks", "queued")
    assert door.known() == {}


def test_a_report_beside_other_mail_leaves_with_it(listened_to: Settings) -> None:
    with listening(listened_to) as door:
        door.send(LETTER, ANN, "expect@company.example", "report@company.example")
        wait_until(lambda: door.rows(MailReport) and door.rows(Expectation) == [])
        assert [one.recipient for one in door.deliveries(3) if one.direction == "outbound"] == [ANN]
        wait_until(lambda: door.known() == {ANN: "joe.fern"})


@pytest.mark.parametrize(
    ("sender", "head"),
    [
        ("", f"From: {JOE}"),
        (JOE, "From: eve@evil.example"),
        ("eve@evil.example", f"From: {JOE}"),
        (JOE, f"From: {JOE}\nAuto-Submitted: auto-replied"),
    ],
    ids=["null sender", "another author", "another sender", "automatic"],
)
def test_what_no_employee_wrote_is_neither_taken_nor_answered(listened_to: Settings, sender: str, head: str) -> None:
    with listening(listened_to) as door:
        door.send(mail(f"{head}\nSubject: {ANN}"), "report@company.example", "expect@company.example", sender=sender)
        door.send(mail(f"From: {JOE}\nSubject: {ANN}"), "expect@company.example")
        wait_until(lambda: door.rows(Expectation))
    assert door.rows(MailReport) == []
    assert [one.rule for one in door.deliveries(1)] == ["expect-answer"]  # to the second one alone


def test_without_a_way_out_it_is_taken_all_the_same(listened_to: Settings) -> None:
    settings = replace(listened_to, relay=replace(listened_to.relay, smarthost=""))
    with listening(settings) as door, smtplib.SMTP(*door.address, timeout=HANG) as client:
        client.ehlo()
        client.mail(JOE)
        assert [client.rcpt(one)[0] for one in (ANN, "report@company.example", "EXPECT@company.example")] == [550, 250, 250]


@pytest.mark.peers
def test_a_real_postfix_hands_over_what_is_forwarded(listened_to: Settings) -> None:
    """As docs/how-to/outgoing-mail.md has it: the inner server keeps the company's mail, but for these two addresses."""
    odd = arrived(listened_to)
    whole = multipart(
        part("Content-Type: text/plain", b"Is this fine?"),
        part("Content-Type: message/rfc822", mail(f"X-Mailroom-Message: {format_id(odd.message_id)}\nFrom: odd@evil.example")),
        head=f"From: Joe Fern <{JOE}>\nTo: report@company.example\nSubject: Fwd: Gift cards",
    )
    with listening(listened_to) as door:
        to_us = f"smtp:[127.0.0.1]:{door.address[1]}"
        kept = f"transport_maps = inline:{{ {{ report@company.example = {to_us} }} {{ expect@company.example = {to_us} }} }}\n"
        with postfix.start_postfix(door.address[1], "company.example", kept) as server:
            with smtplib.SMTP("127.0.0.1", server.port, timeout=HANG) as client:
                client.sendmail(JOE, ["report@company.example"], whole)
                client.sendmail(JOE, ["mara.berg@company.example"], whole)
            wait_until(lambda: door.rows(MailReport))
            wait_until(lambda: len(server.bounces()) == 1)  # Mara's mail is in the mailbox
    (report,) = door.rows(MailReport)
    assert isinstance(report, MailReport)
    assert (report.delivery_id, report.how) == (odd.id, "trace field")
