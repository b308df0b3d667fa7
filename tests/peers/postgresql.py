"""A PostgreSQL server of our own: durable as by default, reached through a Unix socket only."""

import contextlib
import getpass
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.peers import processes


@dataclass(frozen=True, slots=True)
class Server:
    """A running server and how to reach it."""

    directory: Path
    user: str

    def url(self, database: str) -> str:
        """The value of `database.url` for one of its databases."""
        return f"postgresql://{self.user}@/{database}?host={self.directory}"

    def create(self, database: str) -> str:
        """Make an empty database; its URL."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"')
        return self.url(database)

    def disconnect_others(self, database: str) -> None:
        """End what a test left connected, so that nobody waits for its locks."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database])


def binaries() -> Path:
    """The newest PostgreSQL server programs of the distribution."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise processes.Missing("the PostgreSQL server is missing: apt-get install postgresql (make test does that)")
    return found[-1].parent


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """A fresh cluster for as long as the tests need it."""
    owner = processes.unprivileged("postgres") if os.getuid() == 0 else getpass.getuser()
    with processes.short_directory("pg") as directory:
        if os.getuid() == 0:
            shutil.chown(directory, owner, pwd.getpwnam(owner).pw_gid)
        make_cluster(directory / "data", owner)
        options = {"listen_addresses": "", "unix_socket_directories": str(directory), "shared_buffers": "64MB", "max_connections": "200"}
        command = [str(binaries() / "postgres"), "-D", str(directory / "data")]
        command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        log = directory / "log"
        process = processes.start(command, log, user=owner)
        server = Server(directory, "mailroom")
        try:
            processes.until(lambda: accepts(server), "PostgreSQL answers", process, log)
            yield server
        finally:
            processes.stop(process, signal.SIGINT)


def make_cluster(data: Path, owner: str) -> None:
    """initdb, which refuses to run as root."""
    command = [
        str(binaries() / "initdb"),
        "--pgdata",
        str(data),
        "--username=mailroom",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
    ]
    as_root = os.getuid() == 0
    subprocess.run(
        command,
        check=True,
        stdout=subprocess.DEVNULL,
        user=owner if as_root else None,
        group=pwd.getpwnam(owner).pw_gid if as_root else None,
    )


def accepts(server: Server) -> bool:
    """Does it take connections yet?"""
    with contextlib.suppress(psycopg.OperationalError):
        psycopg.connect(server.url("postgres")).close()
        return True
    return False
