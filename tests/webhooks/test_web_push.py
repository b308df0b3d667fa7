"""Web push leaves encrypted and signed, by the running role; the browser maker's server takes it, fails, or knows the browser no more."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import Engine, select

from tests.peers import processes
from tests.peers.browsers.push_service import KnownBrowser, PushService, read_base64, start_push_service
from tests.peers.receiver import Came, Receiver, make_answer
from tests.triage.arriving import ANA, set_up
from tests.webhooks.running_role import running
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.ids import format_id, new_id
from triage.notifications.webhooks import push_subscriptions
from triage.notifications.webhooks.payloads import Occurrence
from triage.store import db
from triage.store.models.notifications import PushSubscription
from triage.times import utcnow
from webhooks import web_push


def private_key(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(read_base64(text), "big"), ec.SECP256R1())


def test_the_example_of_the_rfc() -> None:
    """RFC 8291, 5."""
    browser = private_key("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94")
    auth = read_base64("BTBZMqHH6r4Tts7J_aSIgg")
    body = web_push.encrypt_text(
        b"When I grow up, I want to be a watermelon",
        web_push.point_of(browser),
        auth,
        salt=read_base64("DGv6ra1nlYgDCS1FRnbzlw"),
        ours=private_key("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"),
    )
    assert web_push.encode_base64(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
        "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


@dataclass
class Maker:
    """The server of a browser's maker, a browser that it knows, and the company that pushes to it."""

    service: PushService
    settings: Settings
    engine: Engine
    browser: KnownBrowser

    @property
    def receiver(self) -> Receiver:
        return self.service.receiver

    def subscribe(self, language: str = "en", key: str = "key of a session") -> None:
        with db.transaction(self.engine) as session:
            push_subscriptions.subscribe(
                session,
                self.settings,
                f"{self.service.origin}/push/one",
                **self.browser.keys,
                language=language,
                key=key,
                by=ANA,
                now=utcnow(),
            )

    def happen(self, kind: str = "time-limited.waiting", ago: timedelta = timedelta()) -> None:
        event = Occurrence(format_id(new_id()), kind, utcnow(), 1, "Time-limited messages are held.", {}, frozenset({"it"}))
        with db.transaction(self.engine) as session:
            push_subscriptions.note_event(session, event, now=utcnow() - ago)

    def rows(self) -> list[PushSubscription]:
        with db.read_transaction(self.engine) as session:
            return list(session.scalars(select(PushSubscription)))

    def read(self, came: Came) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.browser.decrypt(came.body))
        return found


@pytest.fixture
def maker(sqlite_engine: Engine, settings: Settings, tmp_path: Path) -> Iterator[Maker]:
    """A company that trusts its certificate, once the role has run."""
    with start_push_service(tmp_path) as service:
        settings = replace(settings, webhooks=service.settings)
        with db.transaction(sqlite_engine) as session:
            set_up(session, settings)
            push_subscriptions.publish_key(session, web_push.encode_base64(web_push.point_of(web_push.read_key(settings))))
        yield Maker(service, settings, sqlite_engine, KnownBrowser())


def push_once(maker: Maker) -> None:
    """Takes one turn of the thread that sends."""
    turn = web_push.run_push(maker.settings, web_push.read_key(maker.settings), maker.engine)
    assert turn()


def test_it_arrives_encrypted_signed_and_says_nothing_of_a_message(maker: Maker) -> None:
    maker.subscribe("de")
    with running(maker.settings):
        maker.happen()
        processes.until(lambda: maker.receiver.came, "a push")
        processes.until(lambda: maker.rows()[0].sent_at is not None, "it is settled")
    (came,) = maker.receiver.came
    assert maker.read(came) == {"text": "Befristete Nachrichten werden zurückgehalten."}
    assert (came.path, came.headers["content-encoding"], came.headers["ttl"], came.headers["urgency"]) == (
        "/push/one",
        "aes128gcm",
        "600",
        "high",
    )
    scheme, _, rest = came.headers["authorization"].partition(" ")
    said = dict(one.split("=", 1) for one in rest.split(", "))
    key = web_push.read_key(maker.settings)
    claims = jwt.decode(said["t"], ECKey.import_key(key)).claims
    assert (scheme, said["k"]) == ("vapid", web_push.encode_base64(web_push.point_of(key)))
    assert (claims["aud"], claims["sub"]) == (maker.service.origin, "mailto:postmaster@company.example")
    assert 0 < claims["exp"] - utcnow().timestamp() <= 24 * 3600
    assert b"message" not in came.body


@pytest.mark.parametrize(
    ("code", "left", "waits"),
    [(201, 1, False), (404, 0, False), (410, 0, False), (400, 1, False), (403, 1, False), (500, 1, True), (429, 1, True)],
)
def test_what_an_answer_means(maker: Maker, code: int, left: int, waits: bool) -> None:
    maker.subscribe()
    maker.happen()
    maker.receiver.answer = make_answer(code, body=b"no")
    push_once(maker)
    rows = maker.rows()
    assert len(rows) == left
    assert [row.due_at is not None for row in rows] == [waits] * left
    assert [row.sent_at is not None for row in rows] == [code == 201] * left


def test_at_most_one_a_minute_and_none_that_is_stale(maker: Maker) -> None:
    maker.subscribe()
    maker.happen()
    push_once(maker)
    maker.happen()
    (row,) = maker.rows()
    assert row.sent_at
    assert row.due_at == row.sent_at + push_subscriptions.GAP
    with db.transaction(maker.engine) as session:
        late = row.due_at + push_subscriptions.STALE
        assert push_subscriptions.claim_push(session, maker.settings, now=late) is None
    assert maker.rows()[0].due_at is None
    maker.happen("decision.made")
    assert maker.rows()[0].due_at is None  # that can wait


def test_a_late_answer_changes_nothing(maker: Maker) -> None:
    maker.subscribe()
    maker.happen()
    with db.transaction(maker.engine) as session:
        mine = push_subscriptions.claim_push(session, maker.settings, now=utcnow())
    assert mine
    with db.transaction(maker.engine) as session:
        again = push_subscriptions.claim_push(session, maker.settings, now=mine.due_at)
    assert again
    with db.transaction(maker.engine) as session:
        push_subscriptions.settle_push(session, mine, "gone", now=utcnow())
    assert len(maker.rows()) == 1


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://localhost/push",
        "https://127.0.0.1/push",
        "https://169.254.169.254/latest",
        "https://localhost.evil.example/push",
        "https://x:y@localhost/push",
        "https://fcm.googleapis.com.evil.example/",
        "ftp://localhost/",
        "https://",
        "https://[",
        "https://localhost/\r\nHost: a",
    ],
)
def test_only_servers_of_the_settings_are_posted_to(maker: Maker, endpoint: str) -> None:
    with pytest.raises(BadInput, match="web push does not go to this server"):
        push_subscriptions.check_endpoint(
            endpoint, replace(maker.settings, webhooks=replace(maker.settings.webhooks, push_services=("localhost",)))
        )


@pytest.mark.parametrize("endpoint", ["https://fcm.googleapis.com/fcm/send/a:b", "https://wns2-par02p.notify.windows.com/w/?token=x"])
def test_the_makers_servers_are(settings: Settings, endpoint: str) -> None:
    push_subscriptions.check_endpoint(endpoint, settings)


@pytest.mark.parametrize("text", ["", "no key", "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n"])
def test_a_key_that_is_none_is_named(maker: Maker, tmp_path: Path, text: str) -> None:
    (tmp_path / "other.pem").write_text(text)
    other = replace(maker.settings, webhooks=replace(maker.settings.webhooks, push_key_file=str(tmp_path / "other.pem")))
    with pytest.raises(ValueError, match=r"webhooks\.push_key_file"):
        web_push.read_key(other)


def test_another_key_ends_the_subscriptions_of_the_one_before(maker: Maker) -> None:
    maker.subscribe()
    with db.transaction(maker.engine) as session:
        push_subscriptions.publish_key(session, "another")
    assert maker.rows() == []
