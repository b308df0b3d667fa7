"""The server of a browser's maker: our server posts web push to it, and it knows nothing of what is in them (RFC 8030)."""

import base64
import contextlib
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from tests.peers.processes import HANG, free_port
from tests.peers.receiver import Came, Receiver, make_answer, start_receiver
from triage.config.settings import Webhooks

MAKE = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"


@dataclass
class KnownBrowser:
    """A browser with the keys of its subscription, which decrypts as RFC 8291 says: written on its own, from the RFC."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    secret: bytes = b"s" * 16

    @property
    def point(self) -> bytes:
        """Public key, as an uncompressed point."""
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def keys(self) -> dict[str, str]:
        """Keys as `PushSubscription.toJSON()` has them."""
        return {"p256dh": write_base64(self.point), "auth": write_base64(self.secret)}

    def decrypt(self, body: bytes) -> bytes:
        """Text of a push (RFC 8291, 3.4)."""
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        point, encrypted = body[21 : 21 + length], body[21 + length :]
        assert len(encrypted) <= size
        theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        info = b"WebPush: info\x00" + self.point + point
        secret = HKDF(SHA256(), 32, self.secret, info).derive(self.key.exchange(ec.ECDH(), theirs))
        content = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\x00").derive(secret)
        nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\x00").derive(secret)
        text, _, padding = AESGCM(content).decrypt(nonce, encrypted, None).rpartition(b"\x02")
        assert not padding.strip(b"\x00")
        return text


@dataclass
class PushService:
    """Listens over TLS, and takes every push until `receiver.answer` says otherwise."""

    receiver: Receiver
    directory: Path  # of its certificate, and of the key that signs what goes to it

    @property
    def origin(self) -> str:
        """Scheme and host of its endpoints."""
        return f"https://localhost:{self.receiver.port}"

    @property
    def settings(self) -> Webhooks:
        """Settings with which our server posts there."""
        pair, key = str(self.directory / "pair.pem"), str(self.directory / "push.pem")
        return Webhooks(ca_file=pair, push_key_file=key, push_services=(f"localhost:{self.receiver.port}",), timeout=int(HANG))


class FirefoxWire:
    """Connection on which Firefox asks its maker for endpoints, and gets what came to them (autopush, over WebSocket)."""

    def __init__(self, service: PushService) -> None:
        self.service = service
        self.port = free_port()
        self.acknowledged: list[dict[str, Any]] = []
        self.channels: dict[str, ServerConnection] = {}

    @property
    def preferences(self) -> dict[str, Any]:
        """Preferences of a Firefox whose maker we are."""
        return {
            "dom.push.serverURL": f"ws://127.0.0.1:{self.port}/",
            "dom.push.testing.allowInsecureServerURL": True,
            "permissions.default.desktop-notification": 1,
            "alerts.useSystemBackend": False,
        }

    def answer(self, connection: ServerConnection) -> None:
        """Talk with one Firefox until it leaves."""
        while text := read_text(connection):
            asked = json.loads(text)
            kind = asked.get("messageType")
            if kind == "hello":
                reply = {"uaid": "0" * 32, "status": 200, "use_webpush": True, "broadcasts": {}}
            elif kind in ("register", "unregister"):
                channel = asked["channelID"]
                self.channels[channel] = connection
                reply = {"channelID": channel, "status": 200, "pushEndpoint": f"{self.service.origin}/wpush/{channel}"}
            else:
                self.acknowledged += asked.get("updates", [])
                continue
            connection.send(json.dumps({"messageType": kind} | reply))

    def pass_on(self, came: Came) -> None:
        """Give Firefox a push, as it came."""
        channel = came.path.rpartition("/")[2]
        said = {
            "channelID": channel,
            "version": "1",
            "data": write_base64(came.body),
            "headers": {"encoding": came.headers["content-encoding"]},
        }
        self.channels[channel].send(json.dumps({"messageType": "notification"} | said))


def read_text(connection: ServerConnection) -> str:
    """Next message of a browser; "" once it has left."""
    try:
        return str(connection.recv())
    except ConnectionClosed:
        return ""


@contextlib.contextmanager
def start_firefox_wire(service: PushService) -> Iterator[FirefoxWire]:
    """The side of the service that Firefox knows."""
    wire = FirefoxWire(service)
    with serve(wire.answer, "127.0.0.1", wire.port, ping_interval=None) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield wire


@contextlib.contextmanager
def start_push_service(directory: Path) -> Iterator[PushService]:
    """A push service with a certificate of its own, and with a key for whoever pushes."""
    run_openssl(*MAKE.split(), "-keyout", str(directory / "tls.pem"), "-out", str(directory / "pair.pem"))
    run_openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(directory / "push.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "pair.pem", directory / "tls.pem")
    with start_receiver(make_answer(201)) as receiver:
        assert receiver.server
        receiver.server.socket = context.wrap_socket(receiver.server.socket, server_side=True)
        yield PushService(receiver, directory)


def run_openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def read_base64(text: str) -> bytes:
    """Bytes of base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def write_base64(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
