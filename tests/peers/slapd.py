"""OpenLDAP as the company's directory: a real slapd on spare ports, with StartTLS, an Active Directory look when wanted, and limits."""

import contextlib
import datetime
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.peers import processes

BASE = "dc=company,dc=example"
MANAGER = f"cn=manager,{BASE}"
PASSWORD = "pw of the manager"

CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
{schemas}
pidfile {directory}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {directory}/server.pem
TLSCertificateKeyFile {directory}/server.key
TLSCACertificateFile {directory}/server.pem
{general}
database mdb
suffix "{base}"
rootdn "{manager}"
rootpw "{password}"
directory {directory}/data
maxsize 2147483648
dbnosync
index objectClass,uid,mail,entryUUID,modifyTimestamp eq
{limits}
"""


@dataclass
class Slapd:
    """A running server: `url` speaks StartTLS, `tls_url` TLS from the start; `ca` is the certificate to trust."""

    directory: Path
    port: int
    tls_port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """For StartTLS, by the name that the certificate is made out to."""
        return f"ldap://localhost:{self.port}"

    @property
    def tls_url(self) -> str:
        """For TLS from the first byte."""
        return f"ldaps://localhost:{self.tls_port}"

    @property
    def ca(self) -> Path:
        """The certificate, which signs itself."""
        return self.directory / "server.pem"

    def write_settings(self, directory: Path, postmaster: str) -> str:
        """Lines of the section [directory] of settings that read this server; its password lies in a file of that directory then."""
        (directory / "password").write_text(PASSWORD)
        return (
            f'source = "ldap"\nurl = "{self.url}"\ntls_ca = "{self.ca}"\nbind_dn = "{MANAGER}"\n'
            f'password_file = "{directory}/password"\nbase = "{BASE}"\npostmaster = "{postmaster}"\n'
        )

    def start(self) -> None:
        """Start the server and wait until it answers."""
        urls = f"ldap://127.0.0.1:{self.port}/ ldaps://127.0.0.1:{self.tls_port}/"
        log = self.directory / "log"
        command = [processes.need("slapd", "slapd"), "-d", "0", "-f", str(self.directory / "slapd.conf"), "-h", urls]
        self.process = processes.start(command, log)
        processes.until(processes.is_answering(self.port), "slapd answers", self.process, log)

    def stop(self) -> None:
        """Stop the server; what it holds stays."""
        if self.process is not None:
            processes.stop(self.process)
            self.process = None

    def load(self, ldif: str) -> None:
        """Replace everything by these entries, the server stopped and started around it."""
        running = self.process is not None
        self.stop()
        shutil.rmtree(self.directory / "data", ignore_errors=True)
        (self.directory / "data").mkdir()
        file = self.directory / "entries.ldif"
        file.write_text(ldif, encoding="utf-8")
        run_tool([processes.need("slapadd", "slapd"), "-q", "-f", str(self.directory / "slapd.conf"), "-l", str(file)])
        if running:
            self.start()

    def modify(self, ldif: str) -> None:
        """Apply changes to the running server, as its manager."""
        tool = processes.need("ldapmodify", "ldap-utils")
        run_tool([tool, "-x", "-H", f"ldap://127.0.0.1:{self.port}", "-D", MANAGER, "-w", PASSWORD], ldif)


def run_tool(command: Sequence[str], given: str = "") -> None:
    """Run a tool of the package; its complaint is the error."""
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{command[0]}: {done.stdout}{done.stderr}"


@contextlib.contextmanager
def start_slapd(ldif: str, *, base: str = BASE, schemas: Sequence[Path] = (), general: str = "", limits: str = "") -> Iterator[Slapd]:
    """A server that holds the entries of an LDIF. `general` and `limits` are lines for its configuration."""
    with processes.short_directory("slapd") as directory:
        make_certificate(directory)
        (directory / "data").mkdir()
        config = CONFIG.format(
            directory=directory,
            base=base,
            manager=f"cn=manager,{base}",
            password=PASSWORD,
            schemas="\n".join(f"include {schema}" for schema in schemas),
            general=general,
            limits=limits,
        )
        (directory / "slapd.conf").write_text(config)
        (directory / "slapd.conf").chmod(0o600)
        server = Slapd(directory, processes.free_port(), processes.free_port())
        server.load(ldif)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def make_certificate(directory: Path, *, hostname: str = "localhost") -> None:
    """A key and a certificate that signs itself, made out to names, never to 127.0.0.1.

    OpenLDAP's library looks for this machine's own name where a client says localhost.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostname)])
    names = [x509.DNSName(one) for one in sorted({hostname, socket.gethostname(), socket.getfqdn()})]
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (directory / "server.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (directory / "server.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
