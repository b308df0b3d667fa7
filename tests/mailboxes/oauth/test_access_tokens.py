"""Access tokens of Microsoft and Google: asked for once, renewed before they end, and in words when there is none."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailboxes.imap import imap_login
from mailboxes.mailbox import Busy, NoCredentials, NoToken, Unreachable
from mailboxes.oauth import access_tokens
from mailboxes.oauth.access_tokens import AccessTokens
from tests.peers import processes, token_provider
from tests.peers.token_provider import Answer, TokenProvider
from triage.config.settings import Recall
from triage.errors import BadInput
from triage.say import Said

ANNA, BOB, OTHER = "anna@company.example", "bob@company.example", "carl@other.example"
IMAP = "imaps://mail.example"


class Clock:
    """Seconds that a test moves on."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(clock: Clock) -> AccessTokens:
    return AccessTokens(clock)


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[TokenProvider]:
    with token_provider.running(tmp_path) as made:
        yield made


def test_one_request_for_all_mailboxes_at_microsoft(provider: TokenProvider, tokens: AccessTokens) -> None:
    settings = provider.microsoft(IMAP)
    with ThreadPoolExecutor(8) as threads:
        got = set(threads.map(lambda number: tokens.get(settings, f"p{number}@company.example"), range(50)))
    assert (got, len(provider.forms)) == ({"1.all"}, 1)


def test_one_request_for_each_mailbox_at_google(provider: TokenProvider, tokens: AccessTokens) -> None:
    settings = provider.google(IMAP)
    got = [tokens.get(settings, mailbox) for mailbox in (ANNA, BOB, ANNA)]
    assert got == [f"1.{ANNA}", f"2.{BOB}", f"1.{ANNA}"]
    assert [claims["sub"] for claims in provider.claims] == [ANNA, BOB]


@pytest.mark.parametrize(("seconds", "lasts"), [(3600, 3300), (100, 50), (0, 0)])
def test_a_token_is_renewed_before_it_ends(provider: TokenProvider, tokens: AccessTokens, clock: Clock, seconds: int, lasts: int) -> None:
    provider.seconds = seconds
    first = tokens.get(provider.microsoft(IMAP), ANNA)
    clock.now += lasts - 1
    assert lasts == 0 or tokens.get(provider.microsoft(IMAP), ANNA) == first
    clock.now += 1
    assert tokens.get(provider.microsoft(IMAP), ANNA) == "2.all"


def test_a_token_that_a_mail_server_refuses_is_replaced_unless_it_is_new(
    provider: TokenProvider, tokens: AccessTokens, clock: Clock
) -> None:
    settings = provider.microsoft(IMAP)
    first = tokens.get(settings, ANNA)
    tokens.forget(settings, ANNA)
    assert tokens.get(settings, ANNA) == first
    clock.now += 60
    tokens.forget(settings, ANNA)
    assert tokens.get(settings, ANNA) != first


@pytest.mark.parametrize(
    ("answer", "pause"),
    [
        ((429, {"retry-after": "120"}, {"error": "too_many"}), 120),
        ((429, {"retry-after": "999999"}, {}), 900),
        ((429, {"retry-after": "soon"}, {}), 30),
        ((429, {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, {}), 30),
        ((503, {}, {}), 30),
        ((400, {}, {"error": "temporarily_unavailable"}), 30),
    ],
)
@pytest.mark.parametrize("kind", [TokenProvider.microsoft, TokenProvider.google])
def test_whoever_is_too_busy_is_left_alone_for_as_long_as_it_says(
    provider: TokenProvider, tokens: AccessTokens, clock: Clock, answer: Answer, pause: float, kind: Callable[..., Recall]
) -> None:
    settings = kind(provider, IMAP)
    provider.answers.append(answer)
    with pytest.raises(Busy, match=rf"gives no token for now \({answer[0]}\)") as fault:
        tokens.get(settings, ANNA)
    assert fault.value.pause == pause
    clock.now += pause - 1
    with pytest.raises(Busy) as fault:
        tokens.get(settings, BOB)  # which would ask for another token, at Google
    assert (fault.value.pause, len(provider.forms)) == (1, 1)
    clock.now += 1
    assert tokens.get(settings, ANNA)


def microsoft_says(code: str) -> dict[str, Any]:
    """An error as the endpoint words it."""
    return {"error": "invalid_client", "error_description": f"{code}: Something is wrong. Trace ID: 1-2 Correlation ID: 3 Timestamp: 4"}


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("AADSTS7000222", "expired: make a new one in Entra"),
        ("AADSTS7000215", "the secret's value, not its ID"),
        ("AADSTS700016", r"recall\.client_id and recall\.tenant"),
        ("AADSTS90002", r"correct recall\.tenant"),
        ("AADSTS65001", "consent is missing: .*IMAP.AccessAsApp"),
        ("AADSTS53003", "Conditional Access"),
        ("AADSTS12345", r"compare the settings of \[recall\]"),
    ],
)
def test_what_to_do_when_microsoft_refuses(provider: TokenProvider, tokens: AccessTokens, clock: Clock, code: str, says: str) -> None:
    settings = provider.microsoft(IMAP)
    provider.answers.append((401, {}, microsoft_says(code)))
    with pytest.raises(NoToken, match=rf"^the provider gives no token: invalid_client: {code}: Something is wrong\.; .*{says}"):
        tokens.get(settings, ANNA)
    with pytest.raises(NoToken):
        tokens.get(settings, BOB)  # nobody asks ten thousand times
    assert len(provider.forms) == 1
    clock.now += 60
    assert tokens.get(settings, ANNA)


@pytest.mark.parametrize(
    ("error", "words", "says", "spared"),
    [
        ("unauthorized_client", "Client is unauthorized to retrieve access tokens", "domain-wide delegation is missing", OTHER),
        ("invalid_grant", "Invalid JWT Signature.", "the key was deleted", ""),
        ("invalid_grant", "Invalid JWT: Token must be a short-lived token. Check your iat and exp values", "clock right", ""),
        ("invalid_grant", "Invalid email or User ID", "no user with this address", BOB),
        ("invalid_grant", "Not a valid email.", "or Google has no such user", BOB),
        ("something", "new", r"compare the settings of \[recall\]", BOB),
    ],
)
def test_what_to_do_when_google_refuses(
    provider: TokenProvider, tokens: AccessTokens, error: str, words: str, says: str, spared: str
) -> None:
    """And who has to do without: everybody, a domain, one mailbox. `spared`: who has not."""
    settings = provider.google(IMAP)
    provider.answers.append((400, {}, {"error": error, "error_description": words}))
    with pytest.raises(NoToken, match=says):
        tokens.get(settings, ANNA)
    if spared:
        assert tokens.get(settings, spared) == f"2.{spared}"
    if spared != BOB:
        with pytest.raises(NoToken):
            tokens.get(settings, BOB)
    with pytest.raises(NoToken):
        tokens.get(settings, ANNA)
    assert len(provider.forms) == 1 + bool(spared)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"access_token": ""},
        {"access_token": 7},
        {"access_token": "two\r\nlines"},
        {"access_token": "x" * 20_000},
        {"access_token": "ä"},
    ],
    ids=["none", "empty", "number", "lines", "long", "not-ascii"],
)
def test_an_answer_without_a_usable_token(provider: TokenProvider, tokens: AccessTokens, said: dict[str, Any]) -> None:
    provider.answers.append((200, {}, said))
    with pytest.raises(Unreachable, match="answers without a usable token"):
        tokens.get(provider.microsoft(IMAP), ANNA)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [(None, 3600), ("600", 600), (-5, 0), (10**9, 86_400), (10**400, 3600), ("soon", 3600), (float("nan"), 3600), ([], 3600)],
)
def test_how_long_a_token_is_good_for(said: object, seconds: float) -> None:
    assert access_tokens.seconds_of(said) == seconds


def test_an_endpoint_that_is_not_there_or_not_trusted(provider: TokenProvider, tokens: AccessTokens, clock: Clock) -> None:
    settings = provider.microsoft(IMAP)
    with pytest.raises(Unreachable, match=r"no certificate that can be trusted.*CERTIFICATE_VERIFY_FAILED"):
        tokens.get(replace(settings, ca_file=""), ANNA)
    clock.now += 30
    with pytest.raises(Unreachable, match="does not answer"):
        tokens.get(replace(settings, token_url=f"https://localhost:{processes.free_port()}/"), ANNA)
    provider.answers.append((200, {}, {"access_token": "x" * 600_000}))
    with pytest.raises(Unreachable, match="more than 512 KiB"):
        tokens.get(settings, ANNA)
    assert tokens.get(settings, ANNA)


@pytest.mark.parametrize("kind", [TokenProvider.microsoft, TokenProvider.google])
def test_an_endpoint_that_is_silent_is_left_alone_for_a_while(
    provider: TokenProvider, tokens: AccessTokens, clock: Clock, kind: Callable[..., Recall]
) -> None:
    """Else each worker would wait for the whole timeout, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = replace(kind(provider, IMAP), token_url=f"https://127.0.0.1:{silent.getsockname()[1]}/", timeout=1)
        with pytest.raises(Busy) as first:
            tokens.get(settings, ANNA)
        assert number_of_calls(silent) > 0
        for mailbox in (ANNA, BOB):
            with pytest.raises(Busy) as again:
                tokens.get(settings, mailbox)
            assert (again.value.args, number_of_calls(silent)) == (first.value.args, 0)
        assert isinstance(again.value.args[0], Said)  # so that it is translated
        clock.now += 30
        with pytest.raises(Busy):
            tokens.get(settings, ANNA)
        assert number_of_calls(silent) > 0


def number_of_calls(server: socket.socket) -> int:
    """Count the connections since the last call."""
    server.setblocking(False)
    number = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            server.accept()[0].close()
            number += 1
    return number


def test_files_that_cannot_be_used(provider: TokenProvider, tokens: AccessTokens, tmp_path: Path) -> None:
    with pytest.raises(NoCredentials, match=r"recall\.client_secret_file .* cannot be read: No such file"):
        tokens.get(provider.microsoft(IMAP, client_secret_file=str(tmp_path / "none")), ANNA)
    google, file = provider.google(IMAP), tmp_path / "account.json"
    for text, says in (
        ("{", "is no key of a service account"),
        ('{"client_email": "a"}', "is no key of a service account"),
        ('{"client_email": "a", "private_key": "none"}', "its private_key cannot be used"),
        ('{"client_email": "a", "private_key": "none", "token_uri": "http://evil.example/"}', "its token_uri is no https:// address"),
    ):
        file.write_text(text)
        with pytest.raises(NoCredentials, match=says):
            tokens.get(google, ANNA)
    assert not provider.forms


def test_a_secret_is_read_anew_for_each_token(provider: TokenProvider, tokens: AccessTokens, tmp_path: Path) -> None:
    settings = provider.microsoft(IMAP, client_secret_file=str(tmp_path / "new"))
    (tmp_path / "new").write_text(token_provider.SECRET)
    assert tokens.get(settings, ANNA)


def test_not_more_tokens_are_kept_than_there_is_room_for(
    provider: TokenProvider, tokens: AccessTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_tokens, "MOST", 2)
    settings = provider.google(IMAP)
    for mailbox in (ANNA, BOB, "carl@company.example", BOB, ANNA):
        tokens.get(settings, mailbox)
    assert [claims["sub"] for claims in provider.claims] == [ANNA, BOB, "carl@company.example", ANNA]


def test_who_waits_for_another_ones_answer_is_told_the_same(provider: TokenProvider, tokens: AccessTokens) -> None:
    settings, told, both = provider.microsoft(IMAP), [], threading.Barrier(2)
    provider.answers.append((429, {"retry-after": "60"}, {}))

    def ask() -> None:
        both.wait(60)
        with pytest.raises(Busy) as fault:
            tokens.get(settings, ANNA)
        told.append(str(fault.value))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(set(told)) == 1
    assert (len(told), len(provider.forms)) == (2, 1)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (Recall(imap=IMAP, auth="microsoft"), r"recall\.tenant is missing: recall\.auth = 'microsoft'"),
        (Recall(imap=IMAP, auth="microsoft", tenant="t"), r"recall\.client_id is missing"),
        (Recall(imap=IMAP, auth="microsoft", tenant="t", client_id="c"), r"recall\.client_secret_file is missing"),
        (Recall(imap=IMAP, auth="google"), r"recall\.service_account_file is missing"),
        (Recall(imap=IMAP, auth="google", service_account_file="f", token_url="http://x.example/"), r"recall\.token_url must be an https"),
    ],
)
def test_settings_that_give_no_token(settings: Recall, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        imap_login.check_login_settings(settings)
