"""A real PgBouncer before a PostgreSQL server, pooling transactions: what a session was told before is gone with its transaction."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from tests.peers import postgresql, processes

CONFIGURATION = """
[databases]
* = host={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {directory}/users
pool_mode = transaction
default_pool_size = 3
max_prepared_statements = 200
max_client_conn = 500
"""  # fewer connections to the server than Mailroom has processes: all of them meet on each


@dataclass(frozen=True, slots=True)
class Pooler:
    """A running pooler, and how to reach a database through it."""

    port: int
    user: str

    def url(self, database: str) -> str:
        """The value of `database.url`."""
        return f"postgresql://{self.user}@127.0.0.1:{self.port}/{database}"


@contextlib.contextmanager
def start_pooler(server: postgresql.Server) -> Iterator[Pooler]:
    """Starts PgBouncer before this server."""
    program = processes.need("pgbouncer", "pgbouncer")
    with postgresql.make_place() as directory:
        port, log = processes.free_port(), directory / "log"
        (directory / "pgbouncer.ini").write_text(CONFIGURATION.format(server=server.directory, port=port, directory=directory))
        (directory / "users").write_text(f'"{server.user}" ""\n')
        process = processes.start([program, str(directory / "pgbouncer.ini")], log, user=postgresql.find_owner())
        try:
            processes.until(processes.is_answering(port), "PgBouncer answers", process, log)
            yield Pooler(port, server.user)
        finally:
            processes.stop(process)
