"""Our own receiving daemon on a free port, in a thread of the test, and what it has put into its spool."""

import contextlib
import datetime
import functools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mta.server import receiver as server_receiver
from mta.server.sockets import Listeners
from mta.spool import recipient_map_file
from mta.spool.batch_file import Message
from mta.spool.spool import Spool
from tests.peers.processes import HANG
from triage.config.settings import Settings
from triage.directory.recipient_map import RecipientMap

RECIPIENT_MAP = RecipientMap(
    domains=frozenset({"company.example", "xn--firma-lsa.example"}),
    recipients=frozenset(
        {"it+anna@company.example", "anna@company.example", "bo@company.example", "bär@company.example"}
        | {f"{local}@{domain}" for local in ("postmaster", "abuse") for domain in ("company.example", "xn--firma-lsa.example")}
    ),
    sub_addressed=frozenset({"dora@company.example", "it+dora@company.example", "søren@company.example", "dora@xn--firma-lsa.example"}),
    blocked=frozenset({"mallory@stranger.example", "blocked.example"}),
    blocked_unsigned=frozenset({"nothing-published.example"}),
    closed=frozenset({"everybody@company.example"}),
)


@dataclass
class Receiver:
    """A daemon that runs."""

    settings: Settings
    address: tuple[str, int]
    stop: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    def stored(self) -> list[Message]:
        """Accepted messages, in the order of acceptance."""
        return read_spool(self.settings.spool.directory)

    def connect(self, client: str = "127.0.0.1") -> socket.socket:
        """A connection to it, from one of this machine's addresses."""
        return socket.create_connection(self.address, timeout=HANG, source_address=(client, 0))

    def end(self) -> None:
        """Tell it to stop and wait until it has."""
        self.stop.set()
        assert self.thread is not None
        self.thread.join(HANG)
        assert not self.thread.is_alive()


@contextlib.contextmanager
def start_receiver(
    settings: Settings, recipient_map: RecipientMap | None = RECIPIENT_MAP, *, lmtp: bool = False, **smtp: Any
) -> Iterator[Receiver]:
    """Run it until the end of the block; `smtp` changes settings of that section, `recipient_map`: None for none."""
    settings = replace(settings, smtp=replace(settings.smtp, **smtp))
    if recipient_map is not None:
        recipient_map_file.write_map(settings.spool.directory, recipient_map)
    ready = threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        receiver = Receiver(settings, listener.getsockname())
        receiver.thread = threading.Thread(
            target=server_receiver.run_role,
            args=(settings, ready.set, receiver.stop),
            kwargs={"own": Listeners([], [listener]) if lmtp else Listeners([listener], [])},
            daemon=True,
        )
        receiver.thread.start()
        assert ready.wait(HANG)
        try:
            yield receiver
        finally:
            receiver.end()


def wait_until(holds: Callable[[], object]) -> None:
    """Wait for something that another thread or process does."""
    deadline = time.monotonic() + HANG
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.005)


def read_spool(directory: Path) -> list[Message]:
    """The messages in the incoming spool."""
    spool = Spool(directory)
    found: list[Message] = []
    for batch in spool.batches():
        wait_until(functools.partial(spool.hold, batch))  # its writer releases it a moment after the 250
        found += spool.read(batch)
        assert not batch.damaged
        spool.unlock_batch(batch)
    return sorted(found, key=lambda message: message[0].spool_id)


def make_certificate(directory: Path, name: str = "mx.company.example") -> tuple[Path, Path]:
    """A certificate that signs itself, and its key, as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = directory / "certificate.pem", directory / "key.pem"
    files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files
