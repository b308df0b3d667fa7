"""SMTP transaction for many recipients: each gets their own answer, pipelined or not."""

import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st

from mta.delivery.next_hop import NextHop, open_nexthop
from mta.delivery.smtp_transaction import Mail, dot_stuff, is_possible_address, transmit_message
from mta.spool.line_endings import normalise_crlf
from tests.effort import examples
from tests.peers.mail.next_hop import DROP, Peer, next_hop
from tests.peers.processes import HANG
from tests.peers.receiving import make_certificate

SENDER = "ruth@stranger.example"
ANNA, BOB, CARL, DORA = PEOPLE = [f"{name}@company.example" for name in ("anna", "bob", "carl", "dora")]
MAIL = b"From: Ruth <ruth@stranger.example>\r\nSubject: hello\r\n\r\n.\r\n..two\r\nend\r\n"


def kinds(way: NextHop, people: list[str] = PEOPLE) -> list[str]:
    return [outcome.kind for outcome in way.send(SENDER, people, MAIL)]


def test_one_transaction_serves_all(peer: Peer, way: NextHop) -> None:
    assert kinds(way) == ["delivered"] * 4
    assert (peer.transactions, peer.connections) == (1, 1)
    assert [(taken.mailbox, taken.raw) for taken in peer.taken] == [(mailbox, MAIL) for mailbox in PEOPLE]


def test_everybody_gets_their_own_answer(peer: Peer, way: NextHop) -> None:
    peer.answer(f"RCPT {BOB}", "550 5.1.1 no such user")
    peer.answer(f"RCPT {CARL}", "450 4.2.0 greylisted")
    outcomes = way.send(SENDER, PEOPLE, MAIL)
    assert [outcome.kind for outcome in outcomes] == ["delivered", "bounced", "deferred", "delivered"]
    assert [outcome.reply for outcome in outcomes][1:3] == ["550 5.1.1 no such user", "450 4.2.0 greylisted"]
    assert [taken.mailbox for taken in peer.taken] == [ANNA, DORA]


def test_where_nobody_is_accepted_nothing_is_sent_and_the_next_message_goes(peer: Peer, way: NextHop) -> None:
    for mailbox in PEOPLE:
        peer.answer(f"RCPT {mailbox}", "550 5.1.1 no such user")
    assert kinds(way) == ["bounced"] * 4
    assert peer.transactions == 0
    assert kinds(way) == ["delivered"] * 4
    assert peer.connections == 1


def test_a_refusal_of_the_sender_is_everybodys(peer: Peer, way: NextHop) -> None:
    peer.answer("MAIL", "451 4.7.1 later")
    assert kinds(way) == ["deferred"] * 4
    assert kinds(way) == ["delivered"] * 4
    assert peer.connections == 1


def test_lmtp_answers_for_each_after_the_final_dot() -> None:
    with next_hop(lmtp=True, offers=("PIPELINING",)) as peer:
        way = open_nexthop(peer.url, timeout=HANG, hostname="mx.company.example")
        peer.answer(f"RCPT {ANNA}", "550 5.1.1 no such user")
        peer.answer(f"DATA {BOB}", "552 5.2.2 over quota")
        peer.answer(f"DATA {DORA}", "451 4.2.1 mailbox busy")
        outcomes = way.send(SENDER, PEOPLE, MAIL)
        way.close()
    assert [outcome.kind for outcome in outcomes] == ["bounced", "bounced", "delivered", "deferred"]
    assert outcomes[1].reply == "552 5.2.2 over quota"
    assert [taken.mailbox for taken in peer.taken] == [CARL]


@pytest.mark.parametrize(
    "reply", ["452 4.5.3 Too many recipients", "552 Too much", "550 5.5.3 Enough of them", "554 Sorry: Too many recipients per message"]
)
def test_who_is_one_too_many_goes_in_a_further_transaction(peer: Peer, way: NextHop, reply: str) -> None:
    peer.answer(f"RCPT {CARL}", reply)
    peer.answer(f"RCPT {DORA}", reply)
    assert kinds(way) == ["delivered"] * 4
    assert peer.transactions == 2
    assert [taken.mailbox for taken in peer.taken] == PEOPLE


@pytest.mark.parametrize("reply", ["554 Transaction failed: Recipient count exceeds 2.", "550 5.5.3 No", "452 4.5.3 Too many recipients"])
def test_too_many_that_is_said_of_the_whole_message_is_halved(reply: str) -> None:
    with next_hop(offers=("PIPELINING",)) as peer:
        way = open_nexthop(peer.url, timeout=30, hostname="mx.company.example")
        peer.answer("DATA", reply)
        assert kinds(way) == ["delivered"] * 4
        way.close()
    assert peer.transactions == 3
    assert [taken.mailbox for taken in peer.taken] == PEOPLE


def test_where_even_one_is_too_many_all_of_them_wait() -> None:
    with next_hop(offers=("PIPELINING",)) as peer:
        way = open_nexthop(peer.url, timeout=30, hostname="mx.company.example")
        peer.answer("DATA", *["550 5.5.3 Too many recipients for today"] * 9)
        assert {(outcome.kind, outcome.reply) for outcome in way.send(SENDER, PEOPLE, MAIL)} == {
            ("deferred", "550 5.5.3 Too many recipients for today")
        }
        way.close()
    assert (peer.transactions, peer.taken) == (3, [])  # four, two, one


@pytest.mark.parametrize("kind", ["smtp", "lmtp"])
def test_no_more_recipients_are_named_than_the_server_says(kind: str) -> None:
    with next_hop(lmtp=kind == "lmtp", offers=("PIPELINING", "LIMITS RCPTMAX=3 FUTURE MAILMAX=0")) as peer:
        way = open_nexthop(peer.url, timeout=HANG, hostname="mx.company.example")
        peer.answer(f"RCPT {BOB}", "550 5.1.1 no such user")
        assert kinds(way) == ["delivered", "bounced", "delivered", "delivered"]
        way.close()
    assert [taken.mailbox for taken in peer.taken] == [ANNA, CARL, DORA]
    assert (peer.transactions, peer.connections, sum(one.startswith("RCPT") for one in peer.commands)) == (2, 1, 4)


@pytest.mark.parametrize(
    ("limits", "people", "connections"),
    [
        ("LIMITS MAILMAX=1", [[ANNA], [BOB], [CARL]], 3),
        ("LIMITS mailmax=2", [[ANNA], [BOB], [CARL]], 2),
        ("LIMITS RCPTDOMAINMAX=1", [[ANNA, "ann@other.example", BOB], ["ann@OTHER.example"], [CARL]], 3),
        ("LIMITS RCPTDOMAINMAX=2", [[ANNA, "ann@other.example", BOB], [CARL]], 1),
        ("LIMITS", [[ANNA], [BOB]], 1),
    ],
)
def test_a_connection_is_left_before_it_is_used_up(limits: str, people: list[list[str]], connections: int) -> None:
    with next_hop(offers=(limits,)) as peer:
        way = open_nexthop(peer.url, timeout=HANG, hostname="mx.company.example")
        assert {kind for some in people for kind in kinds(way, some)} == {"delivered"}
        way.close()
    assert sorted(taken.mailbox for taken in peer.taken) == sorted(one for some in people for one in some)
    assert peer.connections == connections


def test_whoever_is_left_for_later_waits_with_the_others() -> None:
    with next_hop(offers=("LIMITS RCPTMAX=2",)) as peer:
        way = open_nexthop(peer.url, timeout=HANG, hostname="mx.company.example")
        peer.answer("DATA", "454 Throttling failure: Maximum sending rate exceeded.")
        assert {(outcome.kind, outcome.too_fast) for outcome in way.send(SENDER, PEOPLE, MAIL)} == {("deferred", True)}
        way.close()
    assert peer.transactions == 1


def test_too_many_is_never_for_good(peer: Peer, way: NextHop) -> None:
    peer.answer("RCPT", "552 5.5.3 Too many recipients")
    (outcome,) = way.send(SENDER, [ANNA], MAIL)
    assert (outcome.kind, outcome.too_fast) == ("deferred", False)


def test_a_full_mailbox_beside_others_is_asked_once_more(peer: Peer, way: NextHop) -> None:
    peer.answer(f"RCPT {CARL}", *["552 5.2.2 mailbox full"] * 2)
    assert kinds(way) == ["delivered", "delivered", "bounced", "delivered"]
    assert (peer.transactions, peer.commands.count(f"RCPT {CARL}")) == (1, 2)


def test_too_many_recipients_with_none_accepted_is_deferred(peer: Peer, way: NextHop) -> None:
    peer.answer("RCPT", *["452 4.3.1 no space"] * 4)
    assert kinds(way) == ["deferred"] * 4
    assert peer.taken == []


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(
    ("reply", "too_fast"),
    [
        ("454 Throttling failure: Maximum sending rate exceeded.", True),  # Amazon SES
        ("454 Throttling failure: Daily message quota exceeded.", True),
        ("432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending", True),  # Microsoft 365
        ("432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", True),
        ("421 4.4.2 Message submission rate for this client has exceeded the configured limit", True),  # Exchange
        ("450 4.7.1 Error: too much mail from 192.0.2.10", True),  # Postfix
        ("450 4.7.1 Error: too many recipients from 192.0.2.10", True),
        ('451 4.7.1 Ratelimit "user" exceeded', True),  # Rspamd
        ("450-4.7.0 Not so many,\r\n450 4.7.0 please: you send mail too quickly", True),
        ("450 4.2.1 The user you are trying to contact is receiving mail too quickly.", False),
        ("450 4.2.0 greylisted", False),
        ("451 4.3.0 try later", False),
        ("452 4.3.1 Insufficient system resources", False),
        ("554 5.7.1 rate limit", False),
    ],
)
def test_a_limit_of_speed_is_told_from_other_trouble(command: str, reply: str, too_fast: bool) -> None:
    with next_hop() as peer:
        way = open_nexthop(peer.url, timeout=30, hostname="mx.company.example")
        peer.answer(command, reply)
        (outcome,) = way.send(SENDER, [ANNA], MAIL)
        assert (outcome.kind, outcome.too_fast) == ("bounced" if reply.startswith("5") else "deferred", too_fast)
        assert kinds(way, [ANNA]) == ["delivered"]
        way.close()


def test_whoever_comes_too_fast_does_not_go_on_with_the_others() -> None:
    with next_hop() as peer:
        way = open_nexthop(peer.url, timeout=30, hostname="mx.company.example")
        peer.answer(f"RCPT {CARL}", "452 4.5.3 Too many recipients")
        peer.answer("DATA", "554 Recipient count exceeds 2", "454 Throttling failure: Maximum sending rate exceeded.")
        outcomes = way.send(SENDER, PEOPLE, MAIL)
        way.close()
    assert {(outcome.kind, outcome.too_fast) for outcome in outcomes} == {("deferred", True)}
    assert peer.transactions == 2


def test_a_mailbox_that_no_command_can_carry_harms_nobody_else(peer: Peer, way: NextHop) -> None:
    assert kinds(way, [ANNA, "b>\r\nDATA", "", BOB]) == ["delivered", "bounced", "bounced", "delivered"]


def test_a_connection_that_ends_after_the_final_dot_leaves_everybody_in_doubt() -> None:
    with next_hop(offers=("PIPELINING",)) as peer:
        way = open_nexthop(peer.url, timeout=HANG, hostname="mx.company.example")
        peer.answer("DATA", DROP)
        outcomes = way.send(SENDER, PEOPLE, MAIL)
        way.close()
    assert {(outcome.kind, outcome.reply.partition(":")[0]) for outcome in outcomes} == {
        ("unanswered", "no answer after the final dot, so it may have arrived")
    }


def test_a_server_that_takes_data_for_nobody_is_hung_up_on() -> None:
    with next_hop(offers=("PIPELINING",)) as peer:
        way = open_nexthop(peer.url, timeout=HANG, hostname="mx.company.example")
        assert kinds(way, [ANNA]) == ["delivered"]
        peer.answer("MAIL", "550 5.7.1 not you")
        peer.lenient = True
        assert kinds(way) == ["bounced"] * 4
        peer.lenient = False
        assert kinds(way, [BOB]) == ["delivered"]
        way.close()
    assert [taken.mailbox for taken in peer.taken] == [ANNA, BOB]
    assert peer.connections == 2


REPLIES = {"250 2.1.5 ok": "delivered", "450 4.2.0 later": "deferred", "550 5.1.1 no": "bounced"}


@pytest.fixture(scope="module")
def pipelined() -> Iterator[tuple[Peer, NextHop]]:
    with next_hop(lmtp=True, offers=("PIPELINING",)) as running:
        opened = open_nexthop(running.url, timeout=HANG, hostname="mx.company.example")
        yield running, opened
        opened.close()


@given(st.lists(st.sampled_from(list(product(REPLIES, REPLIES))), min_size=1, max_size=8))
@hypothesis_settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_mix_of_answers_reaches_whom_it_is_about(pipelined: tuple[Peer, NextHop], mix: list[tuple[str, str]]) -> None:
    peer, way = pipelined
    people = [f"person{number}@company.example" for number in range(len(mix))]
    for mailbox, (rcpt, data) in zip(people, mix, strict=True):
        peer.answer(f"RCPT {mailbox}", rcpt)
        if REPLIES[rcpt] == "delivered":
            peer.answer(f"DATA {mailbox}", data)
    expected = [REPLIES[rcpt] if REPLIES[rcpt] != "delivered" else REPLIES[data] for rcpt, data in mix]
    assert kinds(way, people) == expected
    assert not any(peer.script.values())


@given(st.text(max_size=40))
def test_an_address_that_is_possible_is_one_word_of_one_command(address: str) -> None:
    if is_possible_address(address):
        line = f"RCPT TO:<{address}>"
        assert line.splitlines() == [line] or not address.isascii()
        assert "\r" not in line
        assert "\n" not in line
        assert address.startswith('"') or (">" not in address and " " not in address)


@given(st.lists(st.sampled_from([b"\r\n", b"\n", b"\r", b".", b"x", b"\r\n.\r\n", b"\n.\n", b"\r.\r"])).map(b"".join))
def test_what_is_sent_has_one_end_and_crlf_only(raw: bytes) -> None:
    sent = dot_stuff(normalise_crlf(raw)) + b".\r\n"
    assert sent.count(b"\r\n") == sent.count(b"\r") == sent.count(b"\n")
    assert (b"\r\n" + sent).find(b"\r\n.\r\n") == len(sent) - 3


class Impatient(threading.Thread):
    """A server that says something in the midst of the first message, and hangs up."""

    def __init__(self, reply: bytes, context: ssl.SSLContext | None) -> None:
        super().__init__()
        self.reply, self.context = reply, context
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"{'smtps' if context else 'smtp'}://127.0.0.1:{self.listener.getsockname()[1]}"

    def run(self) -> None:
        with (
            self.listener,
            self.listener.accept()[0] as plain,
            self.context.wrap_socket(plain, server_side=True) if self.context else plain as talking,
            talking.makefile("rb") as lines,
        ):
            talking.sendall(b"220 impatient.test ESMTP\r\n")
            while not lines.readline().startswith(b"DATA"):
                talking.sendall(b"250 OK\r\n")
            talking.sendall(b"354 Go on\r\n")
            lines.read(300_000)
            talking.sendall(self.reply)


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize(
    ("reply", "kind", "says"),
    [
        (b"552 5.3.4 Message too big\r\n", "bounced", "552 5.3.4 Message too big"),
        (b"554-5.7.1 A virus\r\n554 5.7.1 in it\r\n", "bounced", "554 5.7.1 A virus 5.7.1 in it"),
        (b"452 4.3.1 No space\r\n", "deferred", "452 4.3.1 No space"),
        (b"421 4.3.2 Going down\r\n", "deferred", "421 4.3.2 Going down"),
        (b"250 OK\r\n", "deferred", "the connection was lost"),
        (b"", "deferred", "the connection was lost"),
    ],
)
def test_what_is_said_in_the_midst_of_a_message_counts(tmp_path: Path, reply: bytes, kind: str, says: str, encrypted: bool) -> None:
    context = None
    if encrypted:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*make_certificate(tmp_path))
    server = Impatient(reply, context)
    server.start()
    way = open_nexthop(server.url, timeout=30, hostname="mx.company.example")
    outcomes = way.send(SENDER, [ANNA, BOB], b"Subject: long\r\n\r\n" + b"x" * 998 * 20_000)
    way.close()
    server.join()
    assert {outcome.kind for outcome in outcomes} == {kind}
    assert all(outcome.reply.startswith(says) for outcome in outcomes)


def test_a_large_message_may_take_longer_than_an_answer() -> None:
    """The time to wait is for each piece, not for 50 MiB on a slow line."""
    near, theirs = socket.socketpair()
    ours = SlowLine(fileno=near.detach())
    ours.settimeout(HANG)
    connection = smtplib.SMTP()
    connection.sock = ours
    mail = Mail("", ("anna@company.example",), b"x" * 998 * 1024)

    def read() -> None:
        left = len(mail.raw) + len(b"\r\n.\r\n")
        while left and (piece := theirs.recv(left)):
            left -= len(piece)
        theirs.sendall(b"250 ok\r\n")

    with ThreadPoolExecutor(1) as workers, theirs, ours:
        reading = workers.submit(read)
        (answer,) = transmit_message(connection, mail, [None], lmtp=False, timeout=HANG)
        reading.result()
    assert answer.kind == "delivered"


class SlowLine(socket.socket):
    """Carries 200 KiB in the time that there is for whatever it is given at once."""

    def sendall(self, data: Any, flags: int = 0) -> None:
        if len(data) > 200 * 1024:
            raise TimeoutError("timed out")
        super().sendall(data, flags)
