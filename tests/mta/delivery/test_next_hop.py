"""The next hop by SMTP, LMTP and Maildir: what arrives, and what each kind of trouble becomes."""

import errno
import os
import socket
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st

from mta.delivery import maildir_delivery, smtp_client
from mta.delivery.maildir_delivery import folder_name
from mta.delivery.next_hop import NextHop, open_nexthop
from mta.delivery.smtp_client import one_line
from mta.delivery.smtp_transaction import dot_stuff
from tests.peers.mail.next_hop import DRIP, DROP, HANG, TORN, Peer, next_hop
from tests.peers.processes import HANG as PATIENCE, free_port
from triage.delivery.queue import Outcome
from triage.errors import BadInput
from triage.text.sanitize import escape_visible

SENDER, ANNA, BOB = "ruth@stranger.example", "anna@company.example", "bob@company.example"
MAIL = b"From: Ruth <ruth@stranger.example>\r\nSubject: hello\r\n\r\n.\r\n..two\r\n.start\r\nend\r\n"


def hop(url: str, timeout: float = PATIENCE) -> NextHop:
    return open_nexthop(url, timeout=timeout, hostname="mx.company.example")


def sent(way: NextHop, reverse_path: str, mailbox: str, raw: bytes) -> Outcome:
    """Outcome of a message to one mailbox."""
    (outcome,) = way.send(reverse_path, [mailbox], raw)
    return outcome


@pytest.mark.parametrize(
    "url",
    [
        "smtp://127.0.0.1:25",
        "smtp://[::1]:25",
        "smtp://dovecot_1.internal:2525",
        "lmtp://localhost:24",
        "lmtp:///run/dovecot/lmtp",
        "smtps://inner.example:465",
        "lmtps://inner.example:24",
        "maildir:var/mailboxes",
        "maildir:/var/mail",
    ],
)
def test_next_hops_that_are_possible(url: str) -> None:
    hop(url).close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "smtp",
        "smtp:127.0.0.1:25",
        "smtp://127.0.0.1",
        "smtp://:25",
        "smtp://host:0",
        "smtp://host:65536",
        "smtp://a..b:25",
        "smtp://user@host:25",
        "smtp://host:25/",
        "smtps://host",
        "smtpss://host:465",
        "smtp:///run/socket",
        "lmtps:///run/socket",
        "lmtp:///",
        "lmtp:/run/socket",
        "maildir:",
        "maildir://var/mail",
        "mbox:/var/mail",
        "SMTP://host:25",
    ],
)
def test_other_next_hops_are_refused_with_what_is_possible(url: str) -> None:
    with pytest.raises(BadInput, match=r"smtp://HOST:PORT, lmtp://HOST:PORT, lmtp:///PATH/OF/SOCKET or maildir:DIRECTORY"):
        hop(url)


def test_the_message_arrives_byte_for_byte(peer: Peer, way: NextHop) -> None:
    outcome = sent(way, SENDER, ANNA, MAIL)
    assert (outcome.kind, outcome.reply, outcome.next_hop) == ("delivered", "250 2.0.0 taken", peer.url)
    (taken,) = peer.taken
    assert (taken.reverse_path, taken.mailbox, taken.raw) == (SENDER, ANNA, MAIL)
    assert taken.options == (f"SIZE={len(MAIL)}",)


def test_over_a_unix_socket(tmp_path: Path) -> None:
    with next_hop(lmtp=True, socket=tmp_path / "lmtp") as peer:
        way = hop(peer.url)
        assert sent(way, "", ANNA, MAIL).kind == "delivered"
        way.close()
        assert peer.taken[0].reverse_path in ("", "<>")
        assert peer.taken[0].raw == MAIL


def test_one_connection_serves_many_messages(peer: Peer, way: NextHop) -> None:
    peer.answer(f"RCPT {ANNA}", "250 OK", "550 5.1.1 no such user")
    kinds = [sent(way, SENDER, ANNA, MAIL).kind for _ in range(4)]
    assert kinds == ["delivered", "bounced", "delivered", "delivered"]
    assert peer.connections == 1
    assert peer.commands.count("RSET") == 3


def test_a_closed_connection_is_made_again(peer: Peer, way: NextHop) -> None:
    sent(way, SENDER, ANNA, MAIL)
    way.close()
    assert sent(way, SENDER, ANNA, MAIL).kind == "delivered"
    assert peer.connections == 2


@pytest.mark.parametrize(
    ("command", "reply", "kind"),
    [
        ("MAIL", "451 4.3.0 try later", "deferred"),
        ("MAIL", "550 5.7.1 not you", "bounced"),
        ("MAIL", "530 5.7.0 Must issue a STARTTLS command first", "deferred"),
        ("MAIL", "421 4.3.2 going down", "deferred"),
        ("RCPT", "450 4.2.0 greylisted, come back", "deferred"),
        ("RCPT", "550 5.1.1 no such user", "bounced"),
        ("RCPT", "552 5.2.2 mailbox full", "bounced"),
        ("RCPT", "521 5.3.2 this host takes no mail", "deferred"),
        ("RCPT", "421 4.3.2 going down", "deferred"),
        ("DATA", "452 4.3.1 disk full", "deferred"),
        ("DATA", "421 4.3.2 going down", "deferred"),
        ("DATA", "554 5.6.0 looks like spam", "bounced"),
        ("MAIL", "550 5.4.5 Daily user sending limit exceeded. For more information go to …", "deferred"),  # Google
        ("RCPT", "550 5.4.5 Daily SMTP relay limit exceeded for customer.", "deferred"),
        ("RCPT", "550 5.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages", "deferred"),
        ("RCPT", "550 5.2.1 The email account that you tried to reach is disabled", "bounced"),
        ("DATA", "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients", "deferred"),
        ("DATA", "550 5.7.233 Your message can't be sent because your tenant exceeded its daily limit", "deferred"),
        ("DATA", "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message", "deferred"),
        ("DATA", "554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied", "bounced"),
        ("RCPT", "550 5.2.121 Recipient's per hour message receive limit from specific sender exceeded", "deferred"),
        ("MAIL", "550 5.1.8 Access denied, bad outbound sender", "bounced"),
        ("MAIL", "550 5.7.705 Access denied, tenant has exceeded threshold", "bounced"),
        ("DATA", "354 what?", "deferred"),
        ("DATA", "gibberish", "deferred"),
    ],
)
def test_what_a_refusal_becomes(peer: Peer, way: NextHop, command: str, reply: str, kind: str) -> None:
    peer.answer(command, reply)
    outcome = sent(way, SENDER, ANNA, MAIL)
    assert outcome.kind == kind
    assert reply[4:] in outcome.reply
    assert peer.taken == []
    assert sent(way, SENDER, ANNA, MAIL).kind == "delivered"  # the next message is not harmed
    assert [taken.raw for taken in peer.taken] == [MAIL]


@pytest.mark.parametrize("command", ["MAIL", "RCPT"])
@pytest.mark.parametrize("end", [DROP, TORN])
def test_a_lost_connection_before_the_message_is_tried_again(peer: Peer, way: NextHop, command: str, end: str) -> None:
    peer.answer(command, end)
    outcome = sent(way, SENDER, ANNA, MAIL)
    assert outcome.kind == "deferred"
    assert outcome.reply.startswith("the connection was lost")
    assert peer.taken == []


@pytest.mark.parametrize("end", [DROP, TORN])
def test_a_connection_lost_after_the_final_dot_may_have_delivered(peer: Peer, way: NextHop, end: str) -> None:
    peer.answer("DATA", end)
    outcome = sent(way, SENDER, ANNA, MAIL)
    assert outcome.kind == "unanswered"
    assert outcome.reply.startswith("no answer after the final dot, so it may have arrived")
    assert len(peer.taken) == 1  # it was not sent a second time at once


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        *(("RSET", DROP), ("RSET", "421 bye"), ("RSET", "451 not now"), ("RSET", "554 5.7.0 too many errors in this session")),
        *(("MAIL", DROP), ("MAIL", "421 too many messages"), ("RCPT", DROP)),
    ],
)
def test_a_kept_connection_that_went_stale_is_replaced_at_once(peer: Peer, way: NextHop, command: str, reply: str) -> None:
    assert sent(way, SENDER, ANNA, MAIL).kind == "delivered"
    peer.answer(command, reply)
    assert sent(way, SENDER, ANNA, MAIL).kind == "delivered"
    assert peer.connections == 2
    assert len(peer.taken) == 2


def test_who_was_served_stays_served_when_there_is_no_connection_for_the_others(peer: Peer, way: NextHop) -> None:
    sent(way, SENDER, ANNA, MAIL)
    peer.most = 0  # no connection more than the one that is kept
    peer.answer(f"RCPT {BOB}", "452 4.5.3 too many recipients")
    peer.answer("RSET", "250 OK", "421 4.7.0 two messages are enough")
    served, crowded = way.send(SENDER, [ANNA, BOB], MAIL)
    assert (served.kind, served.unreachable) == ("delivered", False)
    assert (crowded.kind, crowded.reply, crowded.unreachable) == ("deferred", "421 4.7.0 too many connections", True)
    assert [one.mailbox for one in peer.taken] == [ANNA, ANNA]


def at_addresses(monkeypatch: pytest.MonkeyPatch, *urls: str) -> None:
    """Let the name of the next hop stand for all of these places."""
    places = [("127.0.0.1", int(url.rpartition(":")[2])) for url in urls]
    found = [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", place) for place in places]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)


def test_another_address_takes_what_the_first_does_not_want(peer: Peer, way: NextHop, monkeypatch: pytest.MonkeyPatch) -> None:
    with next_hop() as drained:
        drained.most = 0  # connections: it listens and says 421, like a server in maintenance
        at_addresses(monkeypatch, f"smtp://127.0.0.1:{free_port()}", drained.url, peer.url)
        assert sent(way, SENDER, ANNA, MAIL).kind == "delivered"
        at_addresses(monkeypatch, drained.url, drained.url)
        way.close()
        outcome = sent(way, SENDER, ANNA, MAIL)
    assert (outcome.kind, outcome.reply, outcome.unreachable) == ("deferred", "421 4.7.0 too many connections", True)
    assert (drained.connections, peer.connections) == (3, 1)


def test_no_further_address_is_tried_when_the_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_client, "LONGEST_DIALLING", 0.0)
    with next_hop() as hanging, next_hop() as peer:
        hanging.most = 0
        at_addresses(monkeypatch, hanging.url, peer.url)
        assert sent(hop(peer.url), SENDER, ANNA, MAIL).unreachable
        assert (hanging.connections, peer.connections) == (1, 0)


def test_nobody_listens() -> None:
    outcome = sent(hop(f"smtp://127.0.0.1:{free_port()}"), SENDER, ANNA, MAIL)
    assert (outcome.kind, outcome.reply) == ("deferred", "it cannot be reached: Connection refused")


def test_no_socket_there(tmp_path: Path) -> None:
    outcome = sent(hop(f"lmtp://{tmp_path}/nothing"), SENDER, ANNA, MAIL)
    assert (outcome.kind, outcome.reply) == ("deferred", "it cannot be reached: No such file or directory")


def test_a_next_hop_that_says_nothing_runs_into_the_timeout(peer: Peer) -> None:
    peer.answer("MAIL", HANG)
    way = hop(peer.url, timeout=0.3)
    outcome = sent(way, SENDER, ANNA, MAIL)
    assert outcome.kind == "deferred"
    assert "timed out" in outcome.reply


def test_a_next_hop_that_dribbles_is_ended_by_abort(peer: Peer, way: NextHop) -> None:
    peer.answer("MAIL", DRIP)

    def give_up() -> None:
        assert peer.arrived.wait(PATIENCE)
        way.abort()

    watch = threading.Thread(target=give_up)
    watch.start()
    assert sent(way, SENDER, ANNA, MAIL).kind == "deferred"
    watch.join()


EIGHT_BIT = MAIL + "Grüße\r\n".encode()


@pytest.mark.parametrize(
    ("hides", "mailbox", "raw", "words"),
    [
        ("8BITMIME", ANNA, EIGHT_BIT, "8-bit messages (it offers no 8BITMIME)"),
        ("SMTPUTF8", "änna@company.example", MAIL, "international addresses (it offers no SMTPUTF8)"),
        ("", ANNA, MAIL + b"x" * 70 + b"\r\n" * 1_000_000, "at most 1,000,000 bytes (SIZE), this one has 2,0"),
    ],
)
def test_a_next_hop_that_lacks_what_the_message_needs_is_named(hides: str, mailbox: str, raw: bytes, words: str) -> None:
    with next_hop(hides=(hides,) if hides else ()) as peer:
        way = hop(peer.url)
        outcome = sent(way, SENDER, mailbox, raw)
        way.close()
    assert outcome.kind == "bounced"
    assert words in outcome.reply
    assert peer.commands == []


@pytest.mark.parametrize(
    ("reverse_path", "mailbox", "raw", "options"),
    [
        (SENDER, ANNA, EIGHT_BIT, {"BODY=8BITMIME"}),
        (SENDER, "änna@company.example", MAIL, {"SMTPUTF8"}),
        ("rüth@stranger.example", ANNA, EIGHT_BIT, {"SMTPUTF8", "BODY=8BITMIME"}),
        (SENDER, ANNA, MAIL, set()),
    ],
)
def test_extensions_are_used_where_needed(peer: Peer, way: NextHop, reverse_path: str, mailbox: str, raw: bytes, options: set[str]) -> None:
    assert sent(way, reverse_path, mailbox, raw).kind == "delivered"
    (taken,) = peer.taken
    assert (taken.reverse_path, taken.mailbox, taken.raw) == (reverse_path, mailbox, raw)
    assert set(taken.options) == options | {f"SIZE={len(raw)}"}


def test_seven_bit_mail_needs_no_extension() -> None:
    with next_hop(hides=("8BITMIME", "SMTPUTF8", "SIZE")) as peer:
        way = hop(peer.url)
        assert sent(way, SENDER, ANNA, MAIL).kind == "delivered"
        way.close()
    assert peer.taken[0].options == ()


@pytest.mark.parametrize(
    "address",
    ["anna@company.example>\r\nDATA", "anna@company.example\r\nRSET", "a> b@x", "<a@x", "a b@x", '"a\r\nb"@x', "a\x00@x"],
)
def test_addresses_smuggle_no_commands(peer: Peer, way: NextHop, address: str) -> None:
    assert sent(way, SENDER, address, MAIL).kind == "bounced"
    assert sent(way, address, ANNA, MAIL).kind == "bounced"
    assert peer.commands in ([], ["RSET"])


def test_an_empty_mailbox_is_no_recipient(peer: Peer, way: NextHop) -> None:
    assert sent(way, SENDER, "", MAIL).kind == "bounced"


def test_a_quoted_local_part_passes(peer: Peer, way: NextHop) -> None:
    assert sent(way, '"ruth x"@stranger.example', ANNA, MAIL).kind == "delivered"


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r", b"\r.\r\n"])
def test_no_bare_line_end_ever_leaves(peer: Peer, way: NextHop, end: bytes) -> None:
    smuggling = MAIL + b"x" + end + b"MAIL FROM:<evil@x>\r\n"
    assert sent(way, SENDER, ANNA, smuggling).kind == "delivered"
    (taken,) = peer.taken
    assert taken.raw.count(b"\n") == taken.raw.count(b"\r") == taken.raw.count(b"\r\n")
    assert taken.raw.endswith(b"x\r\n.\r\nMAIL FROM:<evil@x>\r\n")


LINES = st.lists(st.sampled_from([b"", b".", b"..", b".x", b"x.", b"x", b"\x00", b"\xff"]), min_size=1)


@given(LINES)
def test_stuffing_is_undone_by_any_receiver(lines: list[bytes]) -> None:
    raw = b"".join(line + b"\r\n" for line in lines)
    sent = dot_stuff(raw) + b".\r\n"
    received = []
    for line in sent.split(b"\r\n"):  # RFC 5321, 4.5.2, the receiving side
        if line == b".":
            break
        received.append(line.removeprefix(b"."))
    assert received == lines
    assert sent.endswith(b"\r\n.\r\n")


def test_a_message_without_a_last_line_end_gets_one(peer: Peer, way: NextHop) -> None:
    sent(way, SENDER, ANNA, MAIL + b"no end")
    assert peer.taken[0].raw == MAIL + b"no end\r\n"


@given(st.text())
def test_a_reply_is_one_short_visible_line(reply: str) -> None:
    line = one_line(reply)
    assert len(line) <= 500
    assert escape_visible(line) == line


def test_a_reply_of_many_lines_with_escapes_is_one_line(peer: Peer, way: NextHop) -> None:
    peer.answer("DATA", "550-5.7.1 first \x1b[31m\r\n550-5.7.1 second\r\n550 " + "x" * 400)
    reply = sent(way, SENDER, ANNA, MAIL).reply
    assert "\x1b" not in reply
    assert reply.startswith("550 5.7.1 first")
    assert "5.7.1 second" in reply


@pytest.fixture
def mailboxes(tmp_path: Path) -> NextHop:
    return hop(f"maildir:{tmp_path}")


def test_a_maildir_holds_exactly_these_bytes(tmp_path: Path, mailboxes: NextHop) -> None:
    odd = MAIL + b"bare\nand\rnul\x00"
    outcomes = [sent(mailboxes, SENDER, "Anna@Company.Example", odd) for _ in range(2)]
    assert [outcome.kind for outcome in outcomes] == ["delivered", "delivered"]
    folder = tmp_path / ANNA
    stored = sorted((folder / "new").iterdir())
    assert [file.read_bytes() for file in stored] == [odd, odd]
    assert sorted(file.name for file in stored) == sorted(outcome.reply.removeprefix("stored as ") for outcome in outcomes)
    assert list((folder / "tmp").iterdir()) == list((folder / "cur").iterdir()) == []


@pytest.mark.parametrize(
    "mailbox",
    ["../anna@x.example", "a/b@x.example", "/etc@x.example", "..@x.example", ".a@x.example", "anna", "", "a\x00b@x.example", "a@../x"],
)
def test_a_mailbox_leads_nowhere_else(tmp_path: Path, mailboxes: NextHop, mailbox: str) -> None:
    assert sent(mailboxes, SENDER, mailbox, MAIL).kind == "bounced"
    assert list(tmp_path.iterdir()) == []


@given(st.text())
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_name_leaves_the_directory(tmp_path: Path, mailbox: str) -> None:
    try:
        name = folder_name(mailbox)
    except ValueError:
        return
    assert (tmp_path / name).resolve().parent == tmp_path.resolve()


def test_a_maildir_that_cannot_be_written_is_tried_again(tmp_path: Path, mailboxes: NextHop) -> None:
    (tmp_path / ANNA).write_text("in the way")
    outcome = sent(mailboxes, SENDER, ANNA, MAIL)
    assert outcome.kind == "deferred"
    assert "cannot be written" in outcome.reply
    assert list(tmp_path.iterdir()) == [tmp_path / ANNA]


def test_what_was_half_written_is_taken_away(tmp_path: Path, mailboxes: NextHop) -> None:
    sent(mailboxes, SENDER, ANNA, MAIL)
    (tmp_path / ANNA / "new").rename(tmp_path / "elsewhere")
    assert sent(mailboxes, SENDER, ANNA, MAIL).kind == "deferred"
    assert list((tmp_path / ANNA / "tmp").iterdir()) == []


def test_what_cannot_be_made_safe_is_taken_back_before_it_is_tried_again(
    tmp_path: Path, mailboxes: NextHop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(directory: Path) -> None:
        if directory.name == "new":
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as failing:
        failing.setattr(maildir_delivery, "sync_directory", fails)
        outcome = sent(mailboxes, SENDER, ANNA, MAIL)
    assert outcome.kind == "deferred"
    assert "Input/output error" in outcome.reply
    assert [path for path in (tmp_path / ANNA).rglob("*") if path.is_file()] == []
    assert sent(mailboxes, SENDER, ANNA, MAIL).kind == "delivered"
