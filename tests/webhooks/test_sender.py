"""Webhooks are called: by the running role, at a receiver that fails, hangs, sends elsewhere, goes away; and when the sender is killed."""

import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, update
from sqlmodel import col

from tests.peers import processes
from tests.peers.receiver import Receiver, make_answer, start_receiver
from tests.triage.arriving import IDA, set_up
from tests.webhooks.running_role import running
from triage.compliance.audit import hash_chain
from triage.config.settings import Settings, Webhooks
from triage.config.webhooks import Hook
from triage.notifications.webhooks import outbox, payloads
from triage.notifications.webhooks.outbox import Call, Fared
from triage.policy import emergency
from triage.store import db
from triage.store.models.notifications import Webhook, WebhookCall
from triage.times import utcnow
from webhooks.http_post import post_webhook

KEY = payloads.new_key()
CALL = Call(1, 1, "0ABC", '{"text":"Grüße"}')


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with start_receiver() as open_one:
        yield open_one


@pytest.fixture
def hooked(sqlite_engine: Engine, settings: Settings, receiver: Receiver, tmp_path: Path) -> Settings:
    """A company that tells the receiver everything, signed."""
    (tmp_path / "secret").write_text(KEY)
    hook = Hook("ops", receiver.url, secret_file=str(tmp_path / "secret"))
    with_hook = replace(settings, webhooks=Webhooks(hooks=(hook,), timeout=int(processes.HANG)))
    with db.transaction(sqlite_engine) as session:
        set_up(session, with_hook)
        outbox.take_up(session, with_hook, now=utcnow())
    return with_hook


def impatient(hooked: Settings) -> Webhooks:
    """Time-out of a second."""
    return replace(hooked.webhooks, timeout=1)


def happens(engine: Engine, times: int = 1) -> None:
    """Chains this many entries that make an event."""
    with db.transaction(engine) as session:
        for _ in range(times):
            emergency.open_emergency(session, utcnow() + timedelta(hours=1), by=IDA, reason="nobody is here", now=utcnow())
        hash_chain.seal_entries(session)


def fares(engine: Engine) -> Fared:
    with db.read_transaction(engine) as session:
        (one,) = outbox.read_standings(session, ["ops"])
    return one


def hurry(engine: Engine) -> None:
    """Let the time be over that a receiver in trouble rests."""
    with db.transaction(engine) as session:
        outbox.resume_webhook(session, "ops", by=IDA, now=utcnow())


def lease_ends(engine: Engine) -> None:
    """Let the time be over that a sender has for the call in hand."""
    with db.transaction(engine) as session:
        over = utcnow()
        session.execute(update(Webhook).values(rests_until=over))
        session.execute(update(WebhookCall).where(col(WebhookCall.attempts) > 0).values(due_at=over))


def verified(receiver: Receiver, place: int = 0) -> Any:
    """Body of a call, after its signature is verified as a receiver does."""
    came = receiver.came[place]
    expected = payloads.sign_call(KEY, came.event, came.body, int(came.headers["webhook-timestamp"]))
    assert came.headers["webhook-signature"] == f"v1,{expected}"
    return came.json


def test_what_happens_is_told_in_order_and_signed(hooked: Settings, sqlite_engine: Engine, receiver: Receiver) -> None:
    happens(sqlite_engine, 3)
    with running(hooked):
        processes.until(lambda: fares(sqlite_engine).succeeded_at and not fares(sqlite_engine).waiting, "all is told")
    said = [verified(receiver, place) for place in range(3)]
    assert [one["type"] for one in said] == ["emergency.opened"] * 3
    assert [one["sequence"] for one in said] == sorted(one["sequence"] for one in said)
    assert len(set(receiver.events)) == 3
    assert (receiver.came[0].path, receiver.came[0].headers["content-type"]) == ("/hook?from=mailroom", "application/json")


def test_a_receiver_that_fails_and_comes_back_gets_all_of_it_under_the_same_ids(
    hooked: Settings, sqlite_engine: Engine, receiver: Receiver
) -> None:
    receiver.answer = make_answer(500, body=b"out of \x1b[31mcoffee")
    happens(sqlite_engine, 2)
    with running(hooked):
        processes.until(lambda: fares(sqlite_engine).failures, "it fails")
        assert fares(sqlite_engine).last_reply == "500 Internal Server Error: out of \\x1b[31mcoffee"
        receiver.close()
        hurry(sqlite_engine)
        processes.until(lambda: "refused" in fares(sqlite_engine).last_reply, "it is away")
        receiver.answer = make_answer(200)
        receiver.open()
        hurry(sqlite_engine)
        processes.until(lambda: not fares(sqlite_engine).waiting, "it is back")
    first, *rest = receiver.events
    assert first in rest
    assert len(set(receiver.events)) == 2


def test_a_receiver_that_hangs_holds_up_no_other(hooked: Settings, sqlite_engine: Engine, receiver: Receiver) -> None:
    receiver.answer = receiver.hang
    happens(sqlite_engine)
    with start_receiver() as other:
        both = replace(impatient(hooked), hooks=(*hooked.webhooks.hooks, Hook("other", other.url)))
        with running(replace(hooked, webhooks=both)):
            processes.until(lambda: other.came, "the other one is told")
            processes.until(lambda: fares(sqlite_engine).failures, "the hanging one is given up for now")
            receiver.over.set()
    assert fares(sqlite_engine).last_reply == "no answer within 1 s"


def test_a_receiver_that_wants_no_more_is_left_alone(hooked: Settings, sqlite_engine: Engine, receiver: Receiver) -> None:
    receiver.answer = make_answer(410)
    happens(sqlite_engine, 2)
    with running(hooked):
        processes.until(lambda: fares(sqlite_engine).gone, "it is gone")
    assert (len(receiver.came), fares(sqlite_engine).waiting) == (1, 2)


def test_a_killed_sender_loses_nothing_and_tells_twice_only_what_it_had_in_hand(
    hooked: Settings, sqlite_engine: Engine, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.answer = receiver.hang
    happens(sqlite_engine, 3)
    config = tmp_path / "mailroom.toml"
    config.write_text(f"""
[company]
domains = ["company.example"]
hostname = "mx.company.example"
[database]
url = "{hooked.database.url}"
[spool]
directory = "{hooked.spool.directory}"
[webhooks]
timeout = {processes.HANG:.0f}
[webhooks.hooks.ops]
url = "{receiver.url}"
secret_file = "{tmp_path}/secret"
""")
    command = [sys.executable, "-m", "triage_cli", "--config", str(config), "webhooks"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as killed:
        try:
            processes.until(lambda: receiver.came, "it has a call in hand", killed)
        finally:
            killed.send_signal(signal.SIGKILL)
    receiver.over.set()
    receiver.answer = make_answer(204)
    lease_ends(sqlite_engine)
    with subprocess.Popen(command, stderr=subprocess.PIPE) as again:
        try:
            processes.until(lambda: not fares(sqlite_engine).waiting, "all is told", again)
        finally:
            again.terminate()
        assert again.wait(processes.HANG) == 0
    assert len(set(receiver.events)) == 3
    assert [one for one in set(receiver.events) if receiver.events.count(one) > 1] == [receiver.events[0]]


def test_nobody_sends_a_call_elsewhere(hooked: Settings, receiver: Receiver) -> None:
    with start_receiver() as elsewhere:
        receiver.answer = make_answer(307, location=elsewhere.url)
        answer = post_webhook(hooked.webhooks.hooks[0], CALL, hooked.webhooks, 5)
        assert answer.kind == "failed"
        assert answer.reply == "307 Temporary Redirect: it sends us elsewhere, and that is not followed; change the URL"
        assert elsewhere.came == []


@pytest.mark.parametrize(
    ("answer", "kind", "rest"),
    [
        (make_answer(200), "taken", 0),
        (make_answer(202), "taken", 0),
        (make_answer(400), "refused", 0),
        (make_answer(404), "failed", 0),
        (make_answer(410), "gone", 0),
        (make_answer(429, retry_after="120"), "failed", 120),
        (make_answer(503, retry_after="Fri, 31 Dec 2027 23:59:59 GMT"), "failed", 0),
    ],
)
def test_what_an_answer_means(hooked: Settings, receiver: Receiver, answer: Any, kind: str, rest: int) -> None:
    receiver.answer = answer
    found = post_webhook(hooked.webhooks.hooks[0], CALL, hooked.webhooks, 5)
    assert (found.kind, found.rest) == (kind, timedelta(seconds=rest))


def test_an_answer_that_trickles_in_ends_with_the_time(hooked: Settings, receiver: Receiver) -> None:
    receiver.answer = receiver.trickle
    assert post_webhook(hooked.webhooks.hooks[0], CALL, impatient(hooked), 5).reply == "no answer within 1 s"


def test_the_time_also_ends_where_it_took_long_to_find_the_receiver(
    hooked: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(*asked: Any, **more: Any) -> Any:
        time.sleep(1.1)  # longer than the call may take
        return found(*asked, **more)

    found = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", slowly)
    receiver.answer = receiver.trickle
    guard = threading.Timer(processes.HANG, receiver.over.set)
    guard.start()
    assert post_webhook(hooked.webhooks.hooks[0], CALL, impatient(hooked), 5).reply == "no answer within 1 s"
    assert not receiver.over.is_set()  # it trickles still
    guard.cancel()


@pytest.mark.parametrize(
    ("hook", "says"),
    [
        (Hook("ops", url_file="/nonexistent/url"), "No such file"),
        (Hook("ops", "http://127.0.0.1:9", secret_file="/nonexistent/key"), "No such file"),
        (Hook("ops", "http://no-such-host.invalid/"), "Name or service not known|Temporary failure"),
    ],
)
def test_what_is_in_the_way_is_said(hooked: Settings, hook: Hook, says: str) -> None:
    answer = post_webhook(hook, CALL, hooked.webhooks, 5)
    assert answer.kind == "failed"
    assert re.search(says, answer.reply), answer


def test_a_receiver_proves_itself_by_its_certificate(hooked: Settings, receiver: Receiver, tmp_path: Path) -> None:
    pair = tmp_path / "pair.pem"
    made = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    command = ["openssl", *made.split(), "-keyout", str(tmp_path / "key.pem"), "-out", str(pair)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair, tmp_path / "key.pem")
    assert receiver.server
    receiver.server.socket = context.wrap_socket(receiver.server.socket, server_side=True)
    hook = replace(hooked.webhooks.hooks[0], url=f"https://localhost:{receiver.port}/")
    trusting = hooked.webhooks
    assert "CERTIFICATE_VERIFY_FAILED" in post_webhook(hook, CALL, trusting, 5).reply
    assert post_webhook(hook, CALL, replace(trusting, ca_file=str(pair)), 5).kind == "taken"
    assert (
        post_webhook(replace(hook, url=f"https://127.0.0.1:{receiver.port}/"), CALL, replace(trusting, ca_file=str(pair)), 5).kind
        == "failed"
    )
