"""PostgreSQL servers of our own: durable as by default unless it is said otherwise; one, or two of which the second stands by."""

import contextlib
import getpass
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

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

    def create(self, database: str, alphabet: str = "") -> str:
        """Make an empty database, unless it is there; its URL. `alphabet`: of which language, where it is not to sort by bytes."""
        more = f" TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE '{alphabet}' LOCALE 'C'" if alphabet else ""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
                connection.execute(f'CREATE DATABASE "{database}"{more}')
        return self.url(database)

    @contextlib.contextmanager
    def pause_replay(self) -> Iterator[None]:
        """This replica receives what is written, and shows it at the end only."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute("SELECT pg_wal_replay_pause()")
            said = "SELECT pg_get_wal_replay_pause_state() = 'paused'"
            processes.until(lambda: connection.execute(said).fetchone() == (True,), "the replay is paused")
            try:
                yield
            finally:
                connection.execute("SELECT pg_wal_replay_resume()")

    def disconnect_others(self, database: str) -> None:
        """End what a test left connected, so that nobody waits for its locks."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database])


def find_binaries() -> Path:
    """The newest PostgreSQL server programs of the distribution."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise processes.Missing("the PostgreSQL server is missing: apt-get install postgresql (make test does that)")
    return found[-1].parent


@contextlib.contextmanager
def start_cluster(kept: Path | None = None, **more: str) -> Iterator[Server]:
    """A cluster for as long as it is needed: a fresh one, or what lies in the directory `kept` and stays there. `more`: its parameters."""
    with make_place(kept) as directory:
        if not (directory / "data").exists():
            make_cluster(directory / "data")
        server = Server(directory, "mailroom")
        process = start_server(server, more=more)
        try:
            yield server
        finally:
            processes.stop(process, signal.SIGINT)


@contextlib.contextmanager
def make_place(kept: Path | None = None) -> Iterator[Path]:
    """A directory that belongs to whom the servers run as."""
    if kept:
        kept.mkdir(parents=True, exist_ok=True)
    with contextlib.nullcontext(kept) if kept else processes.short_directory("pg") as directory:
        if os.getuid() == 0:
            shutil.chown(directory, find_owner(), pwd.getpwnam(find_owner()).pw_gid)
        yield directory


def find_owner() -> str:
    """User that runs the servers: PostgreSQL refuses to run as root."""
    return processes.choose_user("postgres") if os.getuid() == 0 else getpass.getuser()


def start_server(server: Server, port: int = 0, more: Mapping[str, str] = MappingProxyType({})) -> subprocess.Popen[bytes]:
    """Start a server on its cluster; with a port it is reached on loopback too."""
    options = {"listen_addresses": "127.0.0.1" if port else "", "unix_socket_directories": str(server.directory)}
    options |= {"shared_buffers": "64MB", "max_connections": "200"} | ({"port": str(port)} if port else {}) | dict(more)
    command = [str(find_binaries() / "postgres"), "-D", str(server.directory / "data")]
    command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    log = server.directory / "log"
    process = processes.start(command, log, user=find_owner())
    processes.until(lambda: is_accepting(server, port), "PostgreSQL answers", process, log)
    return process


def make_cluster(data: Path) -> None:
    """An empty one."""
    run_program("initdb", "--pgdata", str(data), "--username=mailroom", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")


def run_program(program: str, *words: str) -> None:
    """Run a program of the server to its end, as whom the servers run as."""
    identity = {"user": find_owner(), "group": pwd.getpwnam(find_owner()).pw_gid} if os.getuid() == 0 else {}
    subprocess.run([str(find_binaries() / program), *words], check=True, stdout=subprocess.DEVNULL, cwd="/", **identity)  # type: ignore[call-overload]


def is_accepting(server: Server, port: int = 0) -> bool:
    """Whether it takes connections yet."""
    with contextlib.suppress(psycopg.OperationalError):
        psycopg.connect(server.url("postgres"), port=port or None).close()
        return True
    return False


@dataclass
class Pair:
    """A server, and one that stands by with everything that the first has committed."""

    first: Server
    second: Server
    ports: tuple[int, int]
    process: subprocess.Popen[bytes]  # of the first

    @property
    def url(self) -> str:
        """The value of `database.url`: whichever of them takes what is written."""
        hosts = "&".join(f"host=127.0.0.1:{port}" for port in self.ports)
        return f"postgresql://{self.first.user}@/mailroom?{hosts}&target_session_attrs=read-write"

    def lose_first(self) -> None:
        """Kill the first server at once, as in a power cut."""
        processes.kill_group(self.process)

    def first_is_back(self) -> None:
        """Start the first server again from its disk."""
        (self.first.directory / "data" / "postmaster.pid").unlink(missing_ok=True)
        self.process = start_server(self.first, self.ports[0])

    def promote(self) -> None:
        """The second takes over."""
        run_program("pg_ctl", "promote", "--pgdata", str(self.second.directory / "data"), "--wait")


def copy_cluster(source: str, data: Path) -> None:
    """A copy of a running cluster that stands by and replicates it."""
    words = ("--write-recovery-conf", "--checkpoint=fast", "--no-sync")
    run_program("pg_basebackup", "--dbname", source, "--pgdata", str(data), *words)


@contextlib.contextmanager
def start_replica(first: Server) -> Iterator[Server]:
    """A server that replicates another one and answers questions."""
    with make_place() as directory:
        copy_cluster(f"host={first.directory} user={first.user}", directory / "data")
        replica = Server(directory, first.user)
        process = start_server(replica)
        try:
            yield replica
        finally:
            processes.stop(process, signal.SIGINT)


@contextlib.contextmanager
def start_pair() -> Iterator[Pair]:
    """Two servers with a database `mailroom`, replicating synchronously."""
    with make_place() as one, make_place() as other:
        first, second = Server(one, "mailroom"), Server(other, "mailroom")
        ports = processes.free_port(), processes.free_port()
        make_cluster(one / "data")
        made = Pair(first, second, ports, start_server(first, ports[0]))
        standing_by: subprocess.Popen[bytes] | None = None
        try:
            source = f"host=127.0.0.1 port={ports[0]} user={first.user}"
            copy_cluster(source, other / "data")
            standing_by = start_server(second, ports[1])
            with psycopg.connect(f"{source} dbname=postgres", autocommit=True) as connection:
                connection.execute("CREATE DATABASE mailroom")
                connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
                connection.execute("SELECT pg_reload_conf()")
            yield made
        finally:
            processes.stop(made.process, signal.SIGINT)
            if standing_by:
                processes.stop(standing_by, signal.SIGINT)
