"""Syslog servers over TLS: one of our own that stalls or dies when told to, and rsyslog."""

import contextlib
import json
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.peers import processes
from triage.times import utcnow

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset
PACKAGES = "rsyslog rsyslog-openssl"


@dataclass(frozen=True)
class Papers:
    """An authority, and who it vouches for; each name has a certificate and a key, NAME.pem and NAME.key."""

    directory: Path
    key: ec.EllipticCurvePrivateKey
    authority: x509.Certificate

    @property
    def ca_file(self) -> str:
        """The authority's certificate."""
        return str(self.directory / "ca.pem")

    def path_of(self, name: str) -> str:
        """Path of a file in the server's directory."""
        return str(self.directory / name)

    def vouch_for(self, name: str) -> None:
        """A certificate for a name."""
        write_pair(self.directory, name, self.key, self.authority)


def make_papers(directory: Path) -> Papers:
    """A new authority; it vouches for localhost and for a client called mailroom."""
    directory.mkdir(parents=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Syslog test authority")])
    usage = x509.KeyUsage(*(one in ("key_cert_sign", "crl_sign", "digital_signature") for one in USAGES))
    authority = (
        begin_certificate(name, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    (directory / "ca.pem").write_bytes(authority.public_bytes(Encoding.PEM))
    papers = Papers(directory, key, authority)
    papers.vouch_for("localhost")
    papers.vouch_for("mailroom")
    return papers


USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def begin_certificate(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    """A certificate that is good for some days."""
    now = utcnow()
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key).serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=60))


def write_pair(directory: Path, name: str, signer: ec.EllipticCurvePrivateKey, authority: x509.Certificate) -> None:
    """A key and its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        begin_certificate(subject, authority.subject, key.public_key())
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    (directory / f"{name}.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (directory / f"{name}.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@dataclass
class SyslogServer:
    """Listens on a port of loopback with a certificate for localhost; counts octets as RFC 5425 says."""

    papers: Papers
    asks_for_certificate: bool = False
    stalls: bool = False  # takes connections, and reads nothing
    dies_after: int | None = None  # bytes that it reads of a connection until it resets it
    port: int = field(default_factory=processes.free_port)
    came: list[str] = field(default_factory=list)  # syslog messages
    connections: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    listener: socket.socket | None = None

    @property
    def events(self) -> list[Any]:
        """The events in what came, twice what came twice."""
        return [json.loads(one.split(" ", 7)[7]) for one in self.came]

    def open(self) -> None:
        """Listen, again on the same port."""
        self.over.clear()
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept_connections, args=(self.listener,), daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self.over.set()
        if self.listener:
            with contextlib.suppress(OSError):
                self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None

    def accept_connections(self, listener: socket.socket) -> None:
        """Serve each connection in a thread."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.papers.path_of("localhost.pem"), self.papers.path_of("localhost.key"))
        if self.asks_for_certificate:
            context.load_verify_locations(self.papers.ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
        with contextlib.suppress(OSError):
            while True:
                dialled, _ = listener.accept()
                threading.Thread(target=self.serve_connection, args=(context, dialled), daemon=True).start()

    def serve_connection(self, context: ssl.SSLContext, dialled: socket.socket) -> None:
        """Serves a connection to its end."""
        with contextlib.suppress(OSError), context.wrap_socket(dialled, server_side=True) as connection:
            self.connections += 1
            if self.stalls:
                self.over.wait(processes.HANG)
            elif self.dies_after is not None:
                connection.read(self.dies_after)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                connection.close()
            else:
                self.came += take_frames(read_all(connection))
                connection.unwrap()


def read_all(connection: ssl.SSLSocket) -> bytes:
    """Read until the other side ends the connection."""
    found = bytearray()
    while some := connection.recv(65_536):
        found += some
    return bytes(found)


def take_frames(text: bytes) -> Iterator[str]:
    """The messages: MSG-LEN SP SYSLOG-MSG (RFC 5425, 4.3)."""
    while text:
        length, _, rest = text.partition(b" ")
        assert len(rest) >= int(length), "it was cut"
        yield rest[: int(length)].decode("ascii")
        text = rest[int(length) :]


@contextlib.contextmanager
def start_syslog_server(papers: Papers, **how: Any) -> Iterator[SyslogServer]:
    """A server that listens."""
    server = SyslogServer(papers, **how)
    server.open()
    try:
        yield server
    finally:
        server.close()


RSYSLOG = """
global(workDirectory="{directory}" maxMessageSize="8k" DefaultNetstreamDriver="ossl"
    DefaultNetstreamDriverCAFile="{papers.directory}/ca.pem" DefaultNetstreamDriverCertFile="{papers.directory}/localhost.pem"
    DefaultNetstreamDriverKeyFile="{papers.directory}/localhost.key")
module(load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="x509/name" PermittedPeer=["mailroom"])
template(name="as-parsed" type="string" string="%syslogfacility-text% %syslogseverity-text% %hostname% %app-name% %msgid% %msg%\\n")
input(type="imtcp" port="{port}" address="127.0.0.1")
action(type="omfile" file="{directory}/came.log" template="as-parsed")
"""


@dataclass
class Rsyslog:
    """rsyslog with TLS, which takes events from a client called mailroom alone."""

    directory: Path
    papers: Papers
    port: int = field(default_factory=processes.free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def came(self) -> list[str]:
        """Received messages: facility, severity, host name, application, id of the message, the message."""
        file = self.directory / "came.log"
        return file.read_text().splitlines() if file.exists() else []

    def open(self) -> None:
        """Start it, and wait until it listens."""
        program = processes.need("rsyslogd", PACKAGES)
        config, log = self.directory / "rsyslog.conf", self.directory / "rsyslog.log"
        config.write_text(RSYSLOG.format(directory=self.directory, papers=self.papers, port=self.port))
        self.process = processes.start([program, "-n", "-f", str(config), "-i", str(self.directory / "rsyslog.pid")], log)
        processes.until(self.listens, "rsyslog listens", self.process, log)

    def listens(self) -> bool:
        """Whether it takes connections."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def close(self) -> None:
        """End it."""
        if self.process:
            processes.stop(self.process)
            self.process = None


@contextlib.contextmanager
def start_rsyslog(directory: Path, papers: Papers) -> Iterator[Rsyslog]:
    """rsyslog, until the end of the block."""
    directory.mkdir()
    server = Rsyslog(directory, papers)
    server.open()
    try:
        yield server
    finally:
        server.close()
