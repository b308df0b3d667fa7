"""Web push: encrypts a text for one browser (RFC 8291), says who sends it (VAPID, RFC 8292), and posts it to the browser maker's server."""

import http.client
import json
import logging
import os
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import Engine

from triage.config.secret_files import held_here
from triage.config.settings import Settings
from triage.notifications.webhooks import push_subscriptions
from triage.notifications.webhooks.push_subscriptions import Push
from triage.say import say
from triage.store.db import read_transaction, transaction
from triage.text.i18n.translate import translate_sentence
from triage.text.sanitize import escape_visible
from triage.times import utcnow
from webhooks.http_post import AGENT, connect_until, target_of

RECORD = 4096  # bytes of a record (RFC 8188, 2.1); ours has one
SALT = 16
LAST_RECORD = b"\x02"  # what ends the text of the last record (RFC 8188, 2)
LASTS = 12 * 3600  # seconds that a signature counts, at most 24 hours (RFC 8292, 2)
KEPT = 600  # seconds that the server keeps it for a browser that is away
QUOTED = 200  # bytes of an answer that the log shows
REFUSED = range(400, 429)  # a fault of this push, or of our key: trying again changes nothing; 429 asks for patience

log = logging.getLogger(__name__)


def read_key(settings: Settings) -> ec.EllipticCurvePrivateKey:
    """The key of the settings. ValueError or OSError says why there is none."""
    try:
        key = load_pem_private_key(held_here(settings.webhooks.push_key_file).read_bytes(), None)
    except (TypeError, ValueError) as fault:
        raise ValueError("webhooks.push_key_file is no PEM file of a key without a passphrase") from fault
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise ValueError("webhooks.push_key_file must hold a P-256 key: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256")
    return key


def point_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The public half, as an uncompressed point."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def encode_base64(data: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def encrypt_text(text: bytes, p256dh: bytes, auth: bytes, *, salt: bytes = b"", ours: ec.EllipticCurvePrivateKey | None = None) -> bytes:
    """Encrypts a text for the browser with these keys, as one record of aes128gcm (RFC 8291, 3.4; RFC 8188, 2).

    `salt` and `ours`, the key of this message alone, are random unless they are given.
    """
    ours, salt = ours or ec.generate_private_key(ec.SECP256R1()), salt or os.urandom(SALT)
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), p256dh)
    point = point_of(ours)
    shared = ours.exchange(ec.ECDH(), theirs)
    secret = HKDF(SHA256(), 32, auth, b"WebPush: info\0" + p256dh + point).derive(shared)
    key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(secret)
    nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(secret)
    header = salt + RECORD.to_bytes(4, "big") + bytes([len(point)]) + point
    return header + AESGCM(key).encrypt(nonce, text + LAST_RECORD, None)


def sign_request(endpoint: str, contact: str, key: ec.EllipticCurvePrivateKey, now: float) -> str:
    """The Authorization field: who sends, to which server, until when (RFC 8292, 3)."""
    parts = urlsplit(endpoint)
    claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": int(now) + LASTS, "sub": contact}
    signed = jwt.encode({"typ": "JWT", "alg": "ES256"}, claims, ECKey.import_key(key))
    return f"vapid t={signed}, k={encode_base64(point_of(key))}"


def send_push(push: Push, settings: Settings, key: ec.EllipticCurvePrivateKey, now: float) -> tuple[str, str]:
    """Posts it and returns its result as `settle_push` takes it, and in words. `now`: seconds since 1970."""
    text = translate_sentence(say(push.text), push.language)
    body = encrypt_text(json.dumps({"text": text}, ensure_ascii=False).encode(), push.p256dh, push.auth)
    contact = f"mailto:postmaster@{settings.company.domains[0]}"
    fields = {
        "content-type": "application/octet-stream",
        "content-encoding": "aes128gcm",
        "ttl": str(KEPT),
        "urgency": "high",
        "topic": "urgent",  # a newer one replaces one that the browser has not got yet (RFC 8030, 5.4)
        "user-agent": AGENT,
        "authorization": sign_request(push.endpoint, contact, key, now),
    }
    try:
        with connect_until(push.endpoint, settings.webhooks) as connection:
            connection.request("POST", target_of(push.endpoint), body, fields)
            return judge_answer(connection.getresponse())
    except (OSError, ValueError, http.client.HTTPException) as fault:
        return "failed", escape_visible(str(fault) or type(fault).__name__)


def judge_answer(response: http.client.HTTPResponse) -> tuple[str, str]:
    """Returns the meaning of an answer (RFC 8030, 5 and 7.3), and its words."""
    words = escape_visible(f"{response.status} {response.reason}").strip()
    if 200 <= response.status < 300:
        return "taken", words
    if response.status in (404, 410):
        return "gone", words
    said = escape_visible(" ".join(response.read(QUOTED).decode("utf-8", "replace").split()))
    return "refused" if response.status in REFUSED else "failed", f"{words}: {said}" if said else words


def run_push(settings: Settings, key: ec.EllipticCurvePrivateKey, engine: Engine) -> Callable[[], bool]:
    """Returns the work of the thread that sends web push. Another key needs a restart, and ends all subscriptions."""
    with transaction(engine) as session:
        push_subscriptions.publish_key(session, encode_base64(point_of(key)))

    def turn() -> bool:
        with read_transaction(engine) as session:
            if not push_subscriptions.is_due(session, now=utcnow()):
                return False
        with transaction(engine) as session:
            push = push_subscriptions.claim_push(session, settings, now=utcnow())
        if push is None:
            return False
        kind, reply = send_push(push, settings, key, time.time())
        with transaction(engine) as session:
            push_subscriptions.settle_push(session, push, kind, now=utcnow())
        if kind != "taken":
            log.warning("web push to %s: %s (%s)", urlsplit(push.endpoint).hostname, reply, kind)
        return True

    return turn
