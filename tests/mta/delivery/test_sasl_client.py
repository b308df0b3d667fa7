"""Signing in at a next hop: with what it offers, over TLS that is good, once a connection; and what each refusal becomes."""

import base64
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mta.delivery.next_hop import NextHop, open_nexthop
from mta.delivery.sasl_client import Login, Logins, without_secrets
from mta.delivery.smtp_client import NO_LOGIN
from mta.delivery.starttls import Encryption
from tests.mta.delivery.test_next_hop import at_addresses
from tests.peers.mail.next_hop import DROP, Peer, next_hop
from tests.peers.receiving import make_certificate
from triage.config.settings import Relay
from triage.delivery.queue import Outcome
from triage.errors import BadInput

NAME, SECRET = "apikey", "s3cret: with colons"
SENDER, ANNA = "ruth@company.example", "anna@customer.example"
MAIL = b"From: Ruth <ruth@company.example>\r\nSubject: hello\r\n\r\nend\r\n"
HOST = "next-hop.test"
ACCOUNTS = {NAME: SECRET}


@dataclass
class Provider:
    """A smarthost that takes mail from who has signed in, and our settings for it."""

    peer: Peer
    relay: Relay
    file: Path

    def login(self, text: str) -> None:
        """Write the server's entry in relay.logins_file."""
        self.file.write_text(f"# providers\n\n{self.peer.url} {text}\n")

    def way(self, inner: str = HOST) -> NextHop:
        """To it, with these settings; `inner` is relay.tls_name."""
        encryption = Encryption("none", self.relay.tls_ca, inner)
        return open_nexthop(self.peer.url, timeout=30, hostname="mx.company.example", encryption=encryption, logins=Logins(self.relay))

    def sent(self, times: int = 1, inner: str = HOST) -> list[Outcome]:
        """Outcomes of several messages over one connection."""
        way = self.way(inner)
        outcomes = [outcome for _ in range(times) for outcome in way.send(SENDER, [ANNA], MAIL)]
        way.close()
        return outcomes

    def tried(self) -> list[str]:
        """Sign-in commands that we sent."""
        return [one for one in self.peer.commands if one.startswith("AUTH")]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"), HOST)


@pytest.fixture(scope="module")
def context(files: tuple[Path, Path]) -> ssl.SSLContext:
    """A server's TLS whose certificate signs itself."""
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(*files)
    return found


@pytest.fixture
def settings_for(files: tuple[Path, Path], tmp_path: Path) -> Relay:
    return Relay(logins_file=str(tmp_path / "logins"), tls_ca=str(files[0]), tls_name=HOST)


@pytest.fixture
def provider(settings_for: Relay, context: ssl.SSLContext, request: pytest.FixtureRequest) -> Iterator[Provider]:
    mechanisms = getattr(request, "param", ("PLAIN", "LOGIN"))
    with next_hop(tls=context, accounts=ACCOUNTS, mechanisms=mechanisms) as peer:
        found = Provider(peer, settings_for, Path(settings_for.logins_file))
        found.login(f"{NAME}:{SECRET}")
        yield found


@pytest.mark.parametrize(
    ("provider", "tried"),
    [(("LOGIN", "PLAIN"), "AUTH PLAIN"), (("LOGIN",), "AUTH LOGIN"), (("PLAIN", "XOAUTH2"), "AUTH PLAIN")],
    indirect=["provider"],
)
def test_with_what_is_offered_and_once_for_all_mail_of_a_connection(provider: Provider, tried: str) -> None:
    assert [outcome.kind for outcome in provider.sent(3)] == ["delivered"] * 3
    assert provider.tried() == [tried]
    assert (provider.peer.connections, provider.peer.commands.count("RSET")) == (1, 2)
    assert {taken.encrypted for taken in provider.peer.taken} == {True}


@pytest.mark.parametrize("lmtp", [False, True])
def test_over_tls_from_the_first_byte(settings_for: Relay, context: ssl.SSLContext, lmtp: bool) -> None:
    with next_hop(lmtp=lmtp, implicit_tls=context, accounts=ACCOUNTS) as peer:
        provider = Provider(peer, settings_for, Path(settings_for.logins_file))
        provider.login(f"{NAME}:{SECRET}")
        assert [outcome.kind for outcome in provider.sent()] == ["delivered"]
        assert provider.tried() == ["AUTH PLAIN"]


@pytest.mark.parametrize("provider", [("XOAUTH2", "PLAIN")], indirect=True)
def test_with_a_token_where_the_file_has_no_password(provider: Provider, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    token = tmp_path / "token"
    token.write_text(f"{SECRET}\n")
    provider.login(NAME)
    provider.relay = replace(provider.relay, token_file=str(token))
    assert [outcome.kind for outcome in provider.sent()] == ["delivered"]
    provider.relay = replace(provider.relay, token_file="", token_command=f"sh -c 'test {{user}} = {NAME} && cat {token}'")
    assert [outcome.kind for outcome in provider.sent()] == ["delivered"]
    token.write_text("of yesterday")
    (outcome,) = provider.sent()
    assert (outcome.kind, outcome.shut_out) == ("deferred", True)
    assert outcome.reply == "it refuses our sign-in: 535 5.7.8 Authentication credentials invalid"
    provider.relay = replace(provider.relay, token_command="false")
    (outcome,) = provider.sent()
    assert outcome.reply == NO_LOGIN
    assert "relay.token_command gave no token: " in caplog.text
    assert provider.tried() == ["AUTH XOAUTH2"] * 3


def test_nothing_is_said_in_the_clear(settings_for: Relay) -> None:
    with next_hop(accounts=ACCOUNTS) as peer:
        provider = Provider(peer, settings_for, Path(settings_for.logins_file))
        provider.login(f"{NAME}:{SECRET}")
        (outcome,) = provider.sent()
    assert (outcome.kind, outcome.unreachable) == ("deferred", True)
    assert outcome.reply == "it offers no STARTTLS, and passwords are sent over verified TLS only"
    assert peer.commands == []


def test_nothing_is_said_over_a_unix_socket(settings_for: Relay, tmp_path: Path) -> None:
    with next_hop(lmtp=True, socket=tmp_path / "lmtp") as peer:
        provider = Provider(peer, settings_for, Path(settings_for.logins_file))
        provider.login(f"{NAME}:{SECRET}")
        (outcome,) = provider.sent()
    assert outcome.reply == "the connection is not encrypted, and passwords are not sent in the clear"
    assert peer.commands == []


def test_nothing_is_said_to_whom_nobody_vouches_for(provider: Provider) -> None:
    provider.relay = replace(provider.relay, tls_ca="")
    (outcome,) = provider.sent()
    assert (outcome.kind, outcome.reply, outcome.unreachable) == ("deferred", "TLS failed: self-signed certificate", True)
    assert provider.tried() == []


@pytest.mark.parametrize(("host", "kind"), [(HOST, "delivered"), ("elsewhere.test", "deferred")])
def test_the_name_of_an_inner_server_is_not_asked_of_a_provider(
    provider: Provider, host: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_addresses(monkeypatch, provider.peer.url)
    provider.peer.url = provider.peer.url.replace("127.0.0.1", host)
    provider.login(f"{NAME}:{SECRET}")
    (outcome,) = provider.sent(inner="inner.company.example")
    assert (outcome.kind, "Hostname mismatch" in outcome.reply) == (kind, kind == "deferred")


@pytest.mark.parametrize("provider", [("XOAUTH2",)], indirect=True)
def test_a_server_with_other_ways_only(provider: Provider) -> None:
    (outcome,) = provider.sent()
    assert outcome.reply == "it offers only XOAUTH2 for AUTH, and we sign in with PLAIN or LOGIN"
    assert outcome.shut_out


@pytest.mark.parametrize(
    ("reply", "shut_out", "says"),
    [
        ("535 5.7.8 wrong", True, "it refuses our sign-in: 535 5.7.8 wrong"),
        ("530 5.7.0 Must issue a STARTTLS command first", True, "it refuses our sign-in: 530 5.7.0 Must issue"),
        ("538 5.7.11 Encryption required", True, "it refuses our sign-in: 538 5.7.11 Encryption"),
        ("550 5.7.30 Basic authentication is not supported", True, "it refuses our sign-in: 550 5.7.30 Basic"),
        ("503 5.5.1 not now", True, "it refuses our sign-in: 503 5.5.1 not now"),
        ("gibberish", True, "it refuses our sign-in: not SMTP"),
        ("454 4.7.0 Temporary authentication failure", False, "we cannot sign in there for now: 454 4.7.0 Temporary"),
        ("450 4.7.1 Error: too many AUTH commands", False, "we cannot sign in there for now: 450 4.7.1 Error"),
        ("432 4.7.12 a password change is needed", False, "we cannot sign in there for now: 432 4.7.12"),
        ("421 4.3.2 going down", False, "we cannot sign in there for now: 421 4.3.2"),
        (DROP, False, "it cannot be reached: Connection unexpectedly closed"),
    ],
)
def test_a_refusal_is_never_about_the_mail(provider: Provider, reply: str, shut_out: bool, says: str) -> None:
    provider.peer.answer("AUTH", reply)
    (refused, delivered) = provider.sent(2)
    assert (refused.kind, refused.unreachable, refused.shut_out) == ("deferred", True, shut_out)
    assert refused.reply.startswith(says)
    assert delivered.kind == "delivered"


@pytest.mark.parametrize("reply", ["504 5.7.4 Unrecognized authentication type", "534 5.7.9 too weak"])
def test_another_way_where_the_first_is_not_for_us(provider: Provider, reply: str) -> None:
    provider.peer.answer("AUTH", reply)
    assert [outcome.kind for outcome in provider.sent()] == ["delivered"]
    assert provider.tried() == ["AUTH PLAIN", "AUTH LOGIN"]


def test_a_changed_password_counts_for_the_next_connection(provider: Provider, caplog: pytest.LogCaptureFixture) -> None:
    way = provider.way()
    assert way.send(SENDER, [ANNA], MAIL)[0].kind == "delivered"
    provider.login(f"{NAME}:of yesterday")
    assert way.send(SENDER, [ANNA], MAIL)[0].kind == "delivered"  # we are in
    provider.peer.answer("RSET", "421 4.7.0 bye")
    assert way.send(SENDER, [ANNA], MAIL)[0].shut_out
    provider.login(f"{NAME}:{SECRET}")
    assert way.send(SENDER, [ANNA], MAIL)[0].kind == "delivered"
    provider.file.unlink()
    provider.peer.answer("RSET", DROP)
    assert way.send(SENDER, [ANNA], MAIL)[0].reply == NO_LOGIN  # staff reads it, and operators what the log says
    assert f"relay.logins_file {provider.file} cannot be used: No such file" in caplog.text
    way.close()


def test_a_password_that_is_refused_is_not_tried_at_another_address(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    at_addresses(monkeypatch, provider.peer.url, provider.peer.url)
    provider.login(f"{NAME}:guess")
    assert provider.sent()[0].shut_out
    assert (provider.tried(), provider.peer.connections) == (["AUTH PLAIN"], 1)


def test_a_server_that_wants_us_to_sign_in_says_nothing_about_the_mail(provider: Provider) -> None:
    provider.file.write_text("")
    (outcome,) = provider.sent()
    assert (outcome.kind, outcome.unreachable, outcome.shut_out) == ("deferred", True, True)
    assert outcome.reply == "it wants us to sign in: 530 5.7.0 Authentication required"


def test_once_it_has_taken_mail_such_a_refusal_is_about_one_mail(provider: Provider) -> None:
    way = provider.way()
    assert way.send(SENDER, [ANNA], MAIL)[0].kind == "delivered"
    provider.peer.answer("MAIL", *["530 5.7.1 not as that sender"] * 2)
    (outcome,) = way.send(SENDER, [ANNA], MAIL)
    assert (outcome.kind, outcome.unreachable, outcome.reply) == ("deferred", False, "530 5.7.1 not as that sender")
    way.close()


@pytest.mark.parametrize(
    "said", [SECRET, base64.b64encode(SECRET.encode()).decode(), base64.b64encode(f"\0{NAME}\0{SECRET}".encode()).decode()]
)
def test_a_server_that_repeats_a_secret_puts_it_on_no_record(provider: Provider, said: str) -> None:
    provider.peer.answer("AUTH", f"500 5.5.2 Error: command {said.upper()} not recognized")
    (outcome,) = provider.sent()
    assert outcome.reply == "it refuses our sign-in: 500 5.5.2 Error: command (hidden) not recognized"


def test_no_secret_is_shown_by_accident() -> None:
    login = Login(NAME, SECRET)
    assert SECRET not in repr(login)
    assert without_secrets("535 5.7.8 no", login) == "535 5.7.8 no"


@pytest.mark.parametrize(
    ("line", "name", "secret"),
    [
        ("smtp://out.example:587 anna@company.example:pw", "anna@company.example", "pw"),
        ("smtp://out.example:587\t COMPANY\\anna:a:b c ", "COMPANY\\anna", "a:b c "),
        ("smtps://elsewhere.example:465 x:y\r\nsmtp://out.example:587 anna:größer\r", "anna", "größer"),
    ],
)
def test_a_line_of_the_file(tmp_path: Path, line: str, name: str, secret: str) -> None:
    file = tmp_path / "logins"
    file.write_bytes(line.encode())
    logins = Logins(Relay(logins_file=str(file)))
    assert logins.of("smtp://out.example:587") == Login(name, secret)
    assert logins.of("smtp://out.example:25") is None


@pytest.mark.parametrize(
    "line", ["smtp://out.example:587", "smtp://out.example:587 anna:", "smtp://out.example:587 :pw", "anna:pw", "out.example:587 anna:pw"]
)
def test_a_line_that_is_none_is_named_and_not_shown(tmp_path: Path, line: str) -> None:
    file = tmp_path / "logins"
    file.write_text(f"# mine\n{line}\n")
    with pytest.raises(BadInput, match=r"relay\.logins_file .*logins cannot be used: line 2 is none; it has lines NEXT_HOP") as fault:
        open_nexthop("smtp://out.example:587", timeout=1, hostname="mx", logins=Logins(Relay(logins_file=str(file))))
    assert "pw" not in str(fault.value).replace(str(tmp_path), "")


def test_a_file_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"relay\.logins_file .*nothing cannot be used: No such file or directory"):
        open_nexthop("smtp://out.example:587", timeout=1, hostname="mx", logins=Logins(Relay(logins_file=str(tmp_path / "nothing"))))


def test_an_account_without_password_needs_a_token(tmp_path: Path) -> None:
    file = tmp_path / "logins"
    file.write_text("smtp://out.example:587 anna")
    with pytest.raises(BadInput, match=r"relay\.token_file or token_command is missing; relay\.logins_file has no password for anna"):
        Logins(Relay(logins_file=str(file))).of("smtp://out.example:587")
