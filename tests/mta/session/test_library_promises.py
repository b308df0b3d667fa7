"""Guarantees that aiosmtpd lacks and this server gives: each shown on the plain library first, then on ours."""

import asyncio
import base64
import re
import ssl
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, AuthResult

from mta.peer.trusted_edges import Edges
from mta.session import replies
from mta.session.smtp_session import Session
from tests.mta.session.in_memory import Client, House
from tests.peers.processes import HANG
from tests.peers.receiving import make_certificate

HELLO = b"EHLO client.example\r\nMAIL FROM:<a@stranger.example>\r\nRCPT TO:<anna@company.example>\r\nDATA\r\n"
MAIL = b"From: a@stranger.example\r\n\r\nhello\r\n.\r\n"


class Handler:
    """The plain library's user: keeps what comes, as long as it may."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.kept: list[bytes] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fault: Exception | None = None
        self.loop = loop

    async def handle_DATA(self, _server: SMTP, _session: object, envelope: Any) -> str:
        await self.gate.wait()
        if self.fault:
            raise self.fault
        self.kept.append(envelope.content)
        return "250 kept"


class Plain:
    """The library as it comes."""

    is_plain = True

    def __init__(self, house: House) -> None:
        self.house, self.handler = house, Handler(house.loop)

    def client(self, **options: Any) -> Client:
        kind = options.pop("kind", SMTP)
        how = {name: options.pop(name) for name in ("early", "peer") if name in options}
        made = lambda: kind(self.handler, hostname="mx", loop=self.house.loop, enable_SMTPUTF8=True, **options)  # noqa: E731
        return self.house.client(made, **how)

    lmtp = property(lambda self: self.client(kind=LMTP))

    @property
    def kept(self) -> list[bytes]:
        return self.handler.kept

    def hold(self) -> Callable[[], object]:
        """Let nothing be stored until what comes back is called."""
        self.handler.gate.clear()
        return self.handler.gate.set


class Ours:
    """A session of this server."""

    is_plain = False

    def __init__(self, house: House) -> None:
        self.house = house

    def client(self, **options: Any) -> Client:
        how = {name: options.pop(name) for name in ("early", "peer") if name in options}
        return self.house.client(**how)

    lmtp = property(lambda self: self.house.client(lambda: self.house.session(lmtp=True), peer="127.0.0.1"))

    @property
    def kept(self) -> list[bytes]:
        return [raw for _, raw in self.house.shelf.kept]

    def hold(self) -> Callable[[], object]:
        """Let nothing be stored until what comes back is called."""
        self.house.shelf.is_slow = True
        return self.house.shelf.finish_writes


Side = Plain | Ours


@pytest.fixture
def house() -> Iterator[House]:
    with House(max_size=20_000, max_connections_per_client=10) as made:
        yield made


@pytest.fixture(params=[Plain, Ours], ids=["aiosmtpd", "mailroom"])
def side(request: pytest.FixtureRequest, house: House) -> Side:
    made: Side = request.param(house)
    return made


def test_a_client_that_shuts_its_side_after_quit_is_answered(side: Side) -> None:
    said = side.client().say(HELLO + MAIL + b"QUIT\r\n", last=True)
    assert (b"221" in said) == (not side.is_plain)
    assert bool(side.kept) == (not side.is_plain)


def test_a_message_that_is_being_stored_is_not_cancelled(side: Side) -> None:
    client, finish_writes = side.client(), side.hold()
    client.say(HELLO)
    client.say(MAIL)
    client.wire.close()
    client.settle()
    finish_writes()
    client.settle()
    assert len(side.kept) == (0 if side.is_plain else 1)


def test_an_exception_is_temporary_and_tells_nothing(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = RuntimeError("database secret is down")
    if isinstance(side, Plain):
        side.handler.fault = fault
    else:

        def failing(*_: object) -> None:
            raise fault

        monkeypatch.setattr(side.house.shelf, "append", failing)
    client = side.client()
    client.say(HELLO)
    said = client.say(MAIL)
    assert said.startswith(b"500" if side.is_plain else b"451 4.3.0")
    assert (b"secret" in said) == side.is_plain


@pytest.mark.parametrize("line", [b"NOOP\n", b"NOOP \0\r\n"])
def test_bare_line_feeds_and_nul_are_no_commands(line: bytes, side: Side) -> None:
    assert side.client().say(line).startswith(b"250" if side.is_plain else b"500 5.5.2")


def test_who_speaks_before_the_greeting_is_sent_away(side: Side) -> None:
    said = side.client(early=b"EHLO client.example\r\n").received
    assert said.startswith(b"220" if side.is_plain else b"554 5.5.1")


def test_a_web_request_is_sent_away_at_its_first_word(side: Side) -> None:
    client = side.client()
    said = client.say(b"POST / HTTP/1.1\r\nHost: mx\r\n\r\n" + HELLO)
    assert client.has_been_left == (not side.is_plain)
    assert (b"354" in said) == side.is_plain


def test_a_message_without_line_ends_does_not_fill_memory(side: Side) -> None:
    client = side.client(**({"data_size_limit": 20_000} if side.is_plain else {}))
    client.say(HELLO)
    tracemalloc.start()
    for _ in range(40):
        client.say(b"x" * 100_000)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (held > 3_000_000) == side.is_plain, held


def test_a_long_line_is_no_reason_to_refuse_a_message_for_good(side: Side) -> None:
    client = side.client()
    client.say(HELLO)
    assert client.say(b"x" * 2000 + b"\r\n.\r\n").startswith(b"500" if side.is_plain else b"250 2.0.0")


@pytest.mark.parametrize("sequence", [b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\r"])
def test_nothing_is_smuggled_to_the_next_server(sequence: bytes, side: Side) -> None:
    client = side.client()
    client.say(HELLO)
    client.say(b"one" + sequence + b"MAIL FROM:<boss@company.example>\r\n.\r\n")
    (kept,) = side.kept
    assert (kept.count(b"\n") == kept.count(b"\r") == kept.count(b"\r\n")) == (not side.is_plain)


def test_pipelining_is_offered_and_a_batch_is_answered_in_one_write(side: Side) -> None:
    client = side.client()
    assert (b"PIPELINING" in client.say(b"EHLO client.example\r\n")) == (not side.is_plain)
    before = len(client.wire.writes)
    client.say(HELLO.partition(b"\r\n")[2])
    assert len(client.wire.writes) - before == (3 if side.is_plain else 1)


def test_replies_have_enhanced_status_codes(side: Side) -> None:
    said = side.client().say(b"NOOP\r\nRSET\r\nRSET now\r\nEXPN x\r\nSTARTTLS x\r\nFOO\r\nQUIT x\r\nQUIT\r\n").decode().splitlines()
    assert len(said) == 8
    assert all(re.match(r"([245])\d\d \1\.\d\.\d ", line) for line in said) == (not side.is_plain), said


def test_xforward_is_understood(house: House) -> None:
    assert Plain(house).client().say(b"XFORWARD ADDR=192.0.2.9\r\n").startswith(b"500")
    with House(edges=Edges(["192.0.2.1"])) as edge:
        assert edge.client().say(b"EHLO c\r\nXFORWARD ADDR=192.0.2.9\r\n").endswith(b"250 2.0.0 OK\r\n")


def test_lmtp_answers_for_each_recipient(side: Side) -> None:
    client = side.lmtp
    client.say(HELLO.replace(b"EHLO", b"LHLO").replace(b"DATA", b"RCPT TO:<bo@company.example>\r\nDATA"))
    assert client.say(MAIL).count(b"250") == (1 if side.is_plain else 2)


def test_time_does_not_begin_again_with_every_command_for_ever(house: House) -> None:
    plain = Plain(house).client(timeout=3600)
    before = plain.protocol._timeout_handle.when()
    plain.say(b"NOOP\r\n")
    assert plain.protocol._timeout_handle.when() > before
    ours = house.client()
    for house.clock in (0.0, 200.0, 400.0):
        ours.say(b"NOOP\r\n")
        ours.protocol.enforce_time_limits(house.clock)
    assert not ours.has_been_left
    ours.protocol.enforce_time_limits(house.settings.smtp.session_timeout)
    assert ours.received.endswith(replies.SESSION_TOO_LONG.encode() + b"\r\n")


def test_time_does_not_run_out_on_a_message_that_is_stored(side: Side) -> None:
    client, finish_writes = side.client(**({"timeout": 0.01} if side.is_plain else {})), side.hold()
    client.say(HELLO)
    client.say(MAIL)
    side.house.clock = 1e9
    if isinstance(client.protocol, Session):
        client.protocol.enforce_time_limits(side.house.clock)
    side.house.loop.run_until_complete(asyncio.sleep(0.05))
    finish_writes()
    client.settle()
    assert (b"250 kept" in client.received or b"250 2.0.0 queued" in client.received) == (not side.is_plain)


def test_connections_of_one_client_are_counted(side: Side) -> None:
    greeted = [side.client().received[:3] for _ in range(11)]
    assert greeted[-1] == (b"220" if side.is_plain else b"421")
    assert greeted[:-1] == [b"220"] * 10


def test_wrong_commands_do_not_go_on_for_ever(side: Side) -> None:
    client = side.client()
    client.say(b"".join(b"MAIL FROM:<%d>\r\n" % number for number in range(30)))
    assert client.has_been_left == (not side.is_plain)


def test_limits_are_not_shared_between_sessions(house: House) -> None:
    plain = Plain(house).client()
    for limit in (512 + 36, 512 + 2 * 36):
        plain.say(b"EHLO c\r\n")
        assert SMTP.command_size_limits["MAIL"] == limit, "each EHLO makes it longer, for everybody"
    SMTP.command_size_limits.clear()
    house.client().say(b"EHLO c\r\n" * 3)
    assert "MAIL" not in SMTP.command_size_limits
    long = b"MAIL FROM:<a@b.example> SIZE=" + b"1" * 1100 + b"\r\n"
    assert house.client().say(b"EHLO c\r\n" * 30 + long).endswith(replies.LINE_TOO_LONG.encode() + b"\r\n")


def test_addresses_of_other_forms_are_no_way_through(side: Side) -> None:
    said = side.client().say(HELLO.replace(b"<anna@company.example>", b"<@company.example:victim@elsewhere.example>"))
    assert (b"553 5.1.3" in said) == (not side.is_plain)


def test_a_proxy_that_is_none_is_told_so(house: House) -> None:
    assert Plain(house).client(proxy_protocol_timeout=HANG, early=b"EHLO c\r\n").received == b""
    with House(edges=Edges(["192.0.2.1"], "proxy")) as behind:
        assert behind.client(early=b"EHLO c\r\n").received == replies.NO_PROXY_HEADER.encode() + b"\r\n"


class Nobody:
    """Accounts of which no password is right."""

    has_accounts = True

    def may_come(self, _peer: str) -> bool:
        return True

    def may_try(self, _name: str, _peer: str, _now: float) -> bool:
        return True

    def know(self, _name: str, _password: str) -> bool:
        return False

    def note(self, *_: object, **__: object) -> None:
        pass


def test_nobody_guesses_passwords_for_ever(house: House) -> None:
    guess = b"AUTH PLAIN " + base64.b64encode(b"\0anna\0wrong") + b"\r\n"
    wrong = AuthResult(success=False, handled=False)
    plain = Plain(house).client(auth_require_tls=False, authenticator=lambda *_: wrong)
    assert plain.say(b"EHLO c\r\n" + guess * 50).count(b"535") == 50
    with House(submitters=Nobody()) as inside:
        ours = inside.client()
        ours.protocol.visitor.tls = "TLSv1.3"
        assert ours.say(b"EHLO c\r\n" + guess * 50).count(b"535") == 2
        assert ours.received.endswith(replies.TOO_MANY_PASSWORDS.encode() + b"\r\n")


def test_an_empty_first_answer_is_one(house: House) -> None:  # RFC 4954, 4
    plain = Plain(house).client(auth_require_tls=False)
    assert plain.say(b"EHLO c\r\nauth plain =\r\n").endswith(b"504 5.5.4 Unrecognized authentication type\r\n")
    assert plain.say(b"AUTH PLAIN =\r\n").startswith(b"501")
    with House(submitters=Nobody()) as inside:
        ours = inside.client()
        ours.protocol.visitor.tls = "TLSv1.3"
        assert ours.say(b"EHLO c\r\nauth plain =\r\n").endswith(replies.WRONG_PASSWORD.encode() + b"\r\n")


def test_tls_begins_once(house: House, tmp_path: Any) -> None:
    certificate, key = make_certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    house.door.tls = lambda: context
    plain = second_starttls(house.loop, lambda: SMTP(None, hostname="mx", tls_context=context, loop=house.loop))
    assert house.loop.run_until_complete(plain).startswith(b"220")
    assert house.loop.run_until_complete(second_starttls(house.loop, house.session)).strip() == replies.TLS_ALREADY.encode()


async def second_starttls(loop: asyncio.AbstractEventLoop, make: Callable[[], asyncio.Protocol]) -> bytes:
    """Reply to STARTTLS inside TLS. The command arrives in one packet with the end of the handshake, and no byte may be lost."""
    server = await loop.create_server(make, "127.0.0.1", 0)
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    async with asyncio.timeout(HANG):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await reader.readline()
        writer.write(b"STARTTLS\r\n")
        await reader.readline()
        await writer.start_tls(trusting)
        writer.write(b"STARTTLS\r\n")
        said = await reader.readline()
        writer.transport.abort()
        server.close()
    return said
