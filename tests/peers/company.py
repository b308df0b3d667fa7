"""Mailroom itself, as an administrator starts it: `mailroom serve` with a settings file, a directory file and a database."""

import contextlib
import os
import signal
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from argon2 import PasswordHasher

from tests.peers import outside, processes

DOMAIN = "company.example"
PASSWORD = "correct horse battery staple"
HASH = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
ROOT = Path(__file__).parents[2]
PLAIN = False  # no certificates are looked at, nor read, which takes ten milliseconds
UPGRADED: list[bytes] = []  # a SQLite file with the tables and nothing else

DIRECTORY = f"""
[company]
postmaster = "russell.coker@{DOMAIN}"

[[department]]
code = "it"
name = "IT"
roles = ["helpdesk"]
mailbox = "it-desk@{DOMAIN}"

[[department]]
code = "sales"
name = "Sales"
roles = ["info"]
mailbox = "sales-desk@{DOMAIN}"

[[person]]
uid = "russell.coker"
name = "Russell Coker"
department = "it"
mailbox = "russell.coker@{DOMAIN}"
aliases = ["rc@{DOMAIN}"]

[[person]]
uid = "ada.byron"
name = "Ada Byron"
department = "it"
mailbox = "ada.byron@{DOMAIN}"

[[person]]
uid = "hanne.dahl"
name = "Hanne Dahl"
department = "sales"
mailbox = "hanne.dahl@{DOMAIN}"

[[person]]
uid = "luc.moreau"
name = "Luc Moreau"
department = "sales"
mailbox = "luc.moreau@{DOMAIN}"

[[staff]]
login = "maria"
name = "Maria Keller"
role = "admin"
scope = ["company"]
rights = ["remove-delivered"]
password_hash = "{HASH}"

[[staff]]
login = "jon"
name = "Jon Halder"
role = "triage"
scope = ["company"]
password_hash = "{HASH}"

[[staff]]
login = "sam"
name = "Sam Okoro"
role = "triage"
scope = ["department:sales"]
password_hash = "{HASH}"
"""

NO_DIGEST = '[notices]\ndigest_at = "off"\n'  # no letter of ours lies in a mailbox, whatever the time of day
SETTINGS = """
[company]
domains = ["{domain}"]
hostname = "mx.{domain}"

[database]
url = "{database}"

[spool]
directory = "{directory}/spool"

[smtp]
listen = "127.0.0.1:{smtp_port}"
max_messages_per_minute = 1000000
max_connections_per_client = 500

[relay]
next_hop = "{next_hop}"

[dns]
zone_file = "{directory}/outside.zone"
timeout = 60

[directory]
file = "{directory}/company.toml"

[api]
listen = "127.0.0.1:{api_port}"
sign_in = "{sign_in}"

{notices}
[policy]
undo_seconds = {undo_seconds}
"""


@dataclass
class Company:
    """Installation of a company: its files, its ports, and its process when it runs."""

    directory: Path
    database: str
    next_hop: str
    undo_seconds: int = 0
    more: str = ""  # further sections of the settings
    sign_in: str = "local"
    program: Path = ROOT  # where mailroom's packages lie
    smtp_port: int = 0
    api_port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def lay_out(self, *, upgrade: bool = True) -> None:
        """Write settings, directory and zone, and make the database's tables."""
        self.smtp_port = self.smtp_port or processes.free_port()
        self.api_port = self.api_port or processes.free_port()
        (self.directory / "spool").mkdir(exist_ok=True)
        (self.directory / "company.toml").write_text(DIRECTORY, "utf-8")
        (self.directory / "outside.zone").write_text(outside.write_zone())
        self.write_settings()
        if upgrade:
            self.make_tables()

    def make_tables(self) -> None:
        """`mailroom db upgrade`; a fresh SQLite file gets them from the first one that was made so, where the program is the same."""
        file = Path(self.database.removeprefix("sqlite:///"))
        if file == Path(self.database) or file.exists() or self.program != ROOT:
            self.run("db", "upgrade", check=True)
        elif UPGRADED:
            file.write_bytes(UPGRADED[0])
            file.chmod(0o640)
        else:
            self.run("db", "upgrade", check=True)
            UPGRADED.append(file.read_bytes())

    def write_settings(self) -> None:
        """(Over)write the settings file."""
        values = {
            "domain": DOMAIN,
            "database": self.database,
            "directory": self.directory,
            "smtp_port": self.smtp_port,
            "api_port": self.api_port,
            "next_hop": self.next_hop,
            "undo_seconds": self.undo_seconds,
            "sign_in": self.sign_in,
        }
        notices = "" if "[notices]" in self.more else NO_DIGEST
        (self.directory / "mailroom.toml").write_text(SETTINGS.format(**values, notices=notices) + self.more)

    @property
    def command(self) -> list[str]:
        """The command `mailroom` with this installation's settings."""
        return [sys.executable, "-m", "triage_cli", "--config", str(self.directory / "mailroom.toml")]

    @property
    def environment(self) -> dict[str, str]:
        """Lets the command run from any directory, and from nothing but `program`."""
        return {**os.environ, "PYTHONPATH": str(self.program), "PYTHONSAFEPATH": "1"}

    @property
    def log(self) -> Path:
        """File to which the roles log."""
        return self.directory / "log"

    def run(self, *words: str, check: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a command of `mailroom` to its end."""
        done = subprocess.run(
            [*self.command, *words],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=processes.HANG,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    def start(self) -> None:
        """`mailroom serve` until it takes mail and shows its page."""
        self.open_door()
        processes.until(self.is_ready, "/readyz says 200", self.process, self.log)

    def open_door(self) -> None:
        """`mailroom serve` until it takes mail; the other roles may still be starting."""
        self.process = processes.start([*self.command, "serve"], self.log, environment=self.environment)
        processes.until(self.greets, "SMTP says 220", self.process, self.log)

    def stop(self) -> None:
        """SIGTERM, as systemd does."""
        if self.process:
            processes.stop(self.process, signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to the whole process group: a power cut as far as processes can tell."""
        if self.process:
            processes.kill_group(self.process)

    def kill_role(self, name: str) -> None:
        """SIGKILL to one role and what it has started; `mailroom serve` starts it again. Nothing when it is down just now."""
        assert self.process is not None
        for pid in processes.list_descendants(self.process.pid):
            with contextlib.suppress(ProcessLookupError, FileNotFoundError):
                if role_of(pid) == name:
                    for one in (pid, *processes.list_children(pid)):
                        os.kill(one, signal.SIGKILL)

    def greets(self) -> bool:
        """Does the SMTP door say 220?"""
        try:
            with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=60):
                return True
        except (OSError, smtplib.SMTPException):
            return False

    def is_ready(self) -> bool:
        """Whether the API says that it is ready."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=60, verify=PLAIN).status_code == 200
        except httpx.HTTPError:
            return False

    def shows_page(self) -> bool:
        """Whether it serves the console's page."""
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(self.url, timeout=60, verify=PLAIN).status_code == 200
        return False

    @property
    def url(self) -> str:
        """URL of console and API."""
        return f"http://127.0.0.1:{self.api_port}"

    @contextlib.contextmanager
    def smtp(self) -> Iterator[smtplib.SMTP]:
        """A conversation of any SMTP client with the SMTP server."""
        with smtplib.SMTP("127.0.0.1", self.smtp_port, "mail.stranger.example", timeout=processes.HANG) as client:
            yield client

    def take(self, letter: outside.OutsideMessage, *recipients: str, reverse_path: str | None = None) -> bytes:
        """Send a letter straight to the SMTP server, and give back its bytes; smtplib's exception tells a refusal."""
        raw = letter.raw()
        with self.smtp() as client:
            refused = client.sendmail(letter.author if reverse_path is None else reverse_path, list(recipients) or [letter.to], raw)
        assert refused == {}, refused
        return raw

    def refusal(self, letter: outside.OutsideMessage) -> tuple[int, bytes] | None:
        """The SMTP server's no to a letter, at whichever command it comes; None when it is taken."""
        try:
            self.take(letter)
        except smtplib.SMTPResponseException as said:
            return said.smtp_code, said.smtp_error if isinstance(said.smtp_error, bytes) else said.smtp_error.encode()
        except smtplib.SMTPRecipientsRefused as said:
            return next(iter(said.recipients.values()))
        return None

    @contextlib.contextmanager
    def signed_in(self, login: str = "maria", password: str = PASSWORD) -> Iterator["Desk"]:
        """A member of staff's own connection to the API."""
        origin = {"Origin": self.url}
        with httpx.Client(base_url=f"{self.url}/api/v1", headers=origin, timeout=processes.HANG, verify=PLAIN) as client:
            answer = client.post("/session", json={"login": login, "password": password})
            assert answer.status_code == 201, answer.text
            yield Desk(client)


def role_of(pid: int) -> str:
    """The last word of a process's command line: its role, where it is one of `mailroom serve`."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").split()
    return words[-1].decode() if words else ""


@dataclass(frozen=True, slots=True)
class Desk:
    """The API as one member of staff uses it."""

    client: httpx.Client

    def deliveries(self, **features: Any) -> list[dict[str, Any]]:
        """The deliveries in scope with these features, newest first."""
        answer = self.client.get("/deliveries", params={"limit": 200, **features})
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def wait_for(self, count: int = 1, **features: Any) -> list[dict[str, Any]]:
        """The deliveries with these features, once there are so many."""
        return processes.until(
            lambda: found if len(found := self.deliveries(**features)) >= count else [], f"{count} deliveries with {features} appear"
        )

    def decide(self, verb: str, select: dict[str, Any], **more: Any) -> httpx.Response:
        """A decision over a selection. What a second look asks is confirmed: whoever decides here has read the message."""
        order = {"verb": verb, "select": select, **more}
        answer = self.client.post("/decisions", json=order)
        problem = answer.json() if answer.status_code == 409 else {}
        if problem.get("type") == "urn:mailroom:second-look":
            return self.client.post("/decisions", json=order | {"confirm": problem["names"], "fence": problem["fence"]})
        return answer


@contextlib.contextmanager
def running(directory: Path, database: str, next_hop: str, **more: Any) -> Iterator[Company]:
    """A company with `mailroom serve` under way."""
    company = Company(directory, database, next_hop, **more)
    company.lay_out()
    try:
        company.start()
        yield company
    finally:
        company.stop()
