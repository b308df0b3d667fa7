"""Claim: who follows one release click reads few modules, and so does who follows one message from the spool to its row.

A module counts when one of its functions is called. The click is `POST /decisions` with one held message, in process: from the functions of
the routes down, without who asks and without the frame of the request. The message is signed mail of 20 KB from a stranger: from the
spool's batch until it is committed and its batch is gone, without the parser in its sandbox, which is a process of its own. Both are
followed the second time, when caches are warm. `--names` prints the modules too.
"""

import argparse
import contextlib
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import httpx
from anyio.from_thread import start_blocking_portal
from sqlalchemy import Engine, func, select

from bench.rounds import signed_messages
from migrations.upgrade import upgrade
from mta.processing import processor
from mta.spool.batch_file import write_batch
from mta.spool.spool import Spool
from tests.conftest import settings_in
from tests.peers.company import ROOT
from tests.peers.receiving import wait_until
from tests.triage import arriving
from tests.triage_api import conftest as api
from triage import ids
from triage.addressing.envelope import Envelope
from triage.config.settings import Settings
from triage.store.db import open_engine, read_transaction, transaction
from triage.store.models.messages import Message
from triage.times import utcnow

PRODUCT = ("triage", "mail_auth", "mta", "mailboxes", "directory_sync", "identity", "webhooks", "triage_api", "triage_cli")
CEILINGS = {"one release click": 25, "one message from spool to row": 55}  # modules
ASIDE = ("writing the recipient map", "asking what senders publish")  # what the processor's other threads are for


def main() -> int:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", action="store_true", help="print the modules, too")
    wanted = parser.parse_args()
    for way, entered in count_modules().items():
        print(f"{way}: {len(entered)} modules, wanted at most {CEILINGS[way]}")
        if wanted.names:
            print("".join(f"  {module}: {', '.join(sorted(names))}\n" for module, names in sorted(entered.items())))
    return 0


def count_modules() -> Mapping[str, Mapping[str, set[str]]]:
    """The modules that each way enters, and which functions of them."""
    return dict(zip(CEILINGS, (follow_click(), follow_message()), strict=True))


class Follower:
    """Writes down whose functions are called in the threads that are started while it stands, between `begin` and `end`.

    `roots`: folders of the functions that it begins to follow at, each until that function returns; "": everything is followed.
    """

    def __init__(self, roots: str = "") -> None:
        self.roots = str(ROOT / roots) if roots else ""
        self.on = False
        self.called: dict[CodeType, None] = {}
        self.root = threading.local()

    def __enter__(self) -> "Follower":
        threading.setprofile(self.look)
        return self

    def __exit__(self, *_: object) -> None:
        threading.setprofile(None)

    def look(self, frame: FrameType, event: str, _: Any) -> None:
        """Profile function that the interpreter calls at each call and return."""
        if not self.on or event not in ("call", "return"):
            return
        root: FrameType | None = getattr(self.root, "frame", None)
        if event == "return":
            self.root.frame = None if frame is root else root
            return
        if self.roots and root is None:
            if not frame.f_code.co_filename.startswith(self.roots):
                return
            self.root.frame = frame
        if threading.current_thread().name not in ASIDE:
            self.called[frame.f_code] = None

    @contextlib.contextmanager
    def following(self) -> Iterator[None]:
        """Follow what happens meanwhile."""
        self.on = True
        yield
        self.on = False

    def modules(self) -> dict[str, set[str]]:
        """The product's modules that were entered, each with the functions."""
        found: dict[str, set[str]] = {}
        for code in self.called:
            path = Path(code.co_filename)
            if code.co_name != "<module>" and path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in PRODUCT:
                found.setdefault(str(path.relative_to(ROOT)), set()).add(code.co_name)
        return found


@contextlib.contextmanager
def prepared_company() -> Iterator[tuple[Settings, Engine]]:
    """A small company with a fresh SQLite database, in which senders can prove themselves."""
    with tempfile.TemporaryDirectory() as directory:
        settings = settings_in(Path(directory))
        Path(settings.dns.zone_file).write_text(signed_messages.make_zone())
        engine = open_engine(settings.database.url)
        upgrade(engine)
        yield settings, engine
        engine.dispose()


def follow_click() -> dict[str, set[str]]:
    """Lists the modules entered by one release through the API."""
    with (
        prepared_company() as (settings, engine),
        Follower("triage_api/routes") as follower,
        api.opened(settings, engine) as app,
        start_blocking_portal() as portal,
    ):
        browser = api.Browser(portal, app, "192.0.2.9")
        browser.client.cookies.set("mailroom", api.session_key(engine, "ana"), domain="127.0.0.1")
        with transaction(engine) as session:
            first, second = (ids.format_id(arriving.arrive(session, settings)[0]) for _ in range(2))
        release_delivery(browser.post, first)
        with follower.following():
            release_delivery(browser.post, second)
        browser.close()
    return follower.modules()


def release_delivery(post: Callable[..., httpx.Response], delivery: str) -> None:
    """Click."""
    answer = post("/decisions", {"select": {"ids": [delivery]}, "verb": "release", "reason": ""})
    assert (answer.status_code, answer.json()["done"]) == (201, 1), answer.text


def follow_message() -> dict[str, set[str]]:
    """Lists the modules entered by one message that the processor takes in."""
    stop = threading.Event()
    with prepared_company() as (settings, engine), Follower() as follower:
        with transaction(engine) as session:
            arriving.set_up(session, settings)
        thread = threading.Thread(target=processor.run_role, args=(settings, stop), name="processor", daemon=True)
        thread.start()
        first, second = signed_messages.make_messages(4)[1::2]  # those with an HTML part and an attachment
        try:
            bring_in(settings, engine, first, 1)
            with follower.following():
                bring_in(settings, engine, second, 2)
        finally:
            stop.set()
            thread.join()
    return follower.modules()


def bring_in(settings: Settings, engine: Engine, letter: signed_messages.Sent, number: int) -> None:
    """Put a message into the spool, and wait until so many are in the audit log and the spool is empty."""
    spool = Spool(settings.spool.directory)
    envelope = Envelope(ids.new_id(), utcnow(), letter.reverse_path, ("it+joe.fern@company.example",), "192.0.2.1", "mx.sender.example")
    write_batch(spool.incoming, f"{envelope.spool_id:020d}.batch", [(envelope, letter.raw)])
    wait_until(lambda: count_entered(engine) == number and not any(spool.incoming.iterdir()))


def count_entered(engine: Engine) -> int:
    """Count the stored messages."""
    with read_transaction(engine) as session:
        return session.scalar(select(func.count()).select_from(Message)) or 0


if __name__ == "__main__":
    sys.exit(main())
