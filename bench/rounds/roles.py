"""Single roles of Mailroom, each in a process of its own, so that what each uses can be told apart."""

import contextlib
from collections.abc import Iterator

from tests.peers import processes
from tests.peers.company import Company


@contextlib.contextmanager
def start_role(company: Company, name: str) -> Iterator[int]:
    """`mailroom NAME` for this company; its process id. It may not answer yet."""
    process = processes.start([*company.command, name], company.log, environment=company.environment)
    try:
        yield process.pid
    finally:
        processes.stop(process)


@contextlib.contextmanager
def start_receive(company: Company) -> Iterator[int]:
    """`mailroom receive`, when it greets."""
    with start_role(company, "receive") as pid:
        processes.until(company.greets, "SMTP says 220", log=company.log)
        yield pid
