"""A department whose held messages are mirrored into its account in a real Dovecot, with people at mail programs and at the console."""

import contextlib
import itertools
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from imapclient import IMAPClient  # type: ignore[import-untyped]
from imapclient.exceptions import IMAPClientError  # type: ignore[import-untyped]
from sqlalchemy import Engine, select
from sqlmodel import col

from mailboxes.mirror import mirror_role
from tests.peers import processes
from tests.peers.mail import dovecot
from tests.triage import arriving
from tests.triage.arriving import ANA
from triage.config.settings import Mirror, Settings
from triage.quarantine.decisions import decide as decisions, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.decisions.outcomes import DecisionReport
from triage.quarantine.search.selection import Selection
from triage.store import bodies, db
from triage.store.delivery_state import State
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.mailboxes import MirrorCopy
from triage.store.models.messages import Message
from triage.store.models.rules import Rule
from triage.times import utcnow

ON_TOP = [b"X-Mailroom-Message", b"Authentication-Results", b"X-Mailroom-Verified", b"X-Mailroom-Risk", b"X-Mailroom-Why"]
TO_JOE, TO_ALL = "it+joe.fern@company.example", "info@company.example"
JOE, SHARED = "joe.fern", "Shared"
FS_LAYOUT = "mailbox_list_layout = fs\n"  # folders with dots in their names
# owners share folders by access control lists (RFC 4314); PATH: the file that lists who shares
SHARED_FOLDERS = (
    FS_LAYOUT
    + """
mail_plugins {
  acl = yes
}
protocol imap {
  mail_plugins {
    imap_acl = yes
  }
}
acl_driver = vfile
acl_sharing_map {
  dict file {
    path = PATH
  }
}
service auth {
  unix_listener auth-userdb {
    mode = 0777
  }
}
namespace shared {
  type = shared
  separator = /
  prefix = shared/$user/
  mail_path = ~/../%{owner_user}/Maildir
  subscriptions = no
  list = children
}
"""
)
_numbers = itertools.count(1)


@dataclass
class Town:
    """The house, its mirror and the IMAP server."""

    engine: Engine
    settings: Settings
    server: dovecot.Server
    account: str

    def comes(self, *to: str, **mail: Any) -> int:
        """A message comes in and is held; its delivery."""
        with db.transaction(self.engine) as session:
            return arriving.arrive(session, self.settings, *(to or (TO_JOE,)), at=utcnow(), **mail)[0]

    def raw(self, mail: int) -> bytes:
        """As it came in."""
        with db.read_transaction(self.engine) as session:
            return bodies.load_body(session, session.get_one(Message, session.get_one(Delivery, mail).message_id).content_id)

    def decides(self, verb: Verb, mail: int) -> DecisionReport:
        """Ana decides at the console."""
        with db.transaction(self.engine) as session:
            return decisions.decide_messages(
                session, DecisionRequest(Selection(ids=(mail,)), verb), by=ANA, now=utcnow(), settings=self.settings
            )

    def undoes(self, decision: DecisionReport) -> None:
        """And takes it back."""
        with db.transaction(self.engine) as session:
            undoing.undo_decision(session, decision.id, by=ANA, reason="", now=utcnow(), settings=self.settings)

    def state(self, mail: int) -> str:
        with db.read_transaction(self.engine) as session:
            return session.get_one(Delivery, mail).state

    def decisions(self) -> list[tuple[str, str]]:
        """Actors and verbs of the decisions, in order."""
        with db.read_transaction(self.engine) as session:
            return [(one.by, one.verb) for one in session.scalars(select(Decision).order_by(col(Decision.id)))]

    def rules(self) -> list[tuple[str, str, str]]:
        with db.read_transaction(self.engine) as session:
            return [(one.effect, one.value, one.scope) for one in session.scalars(select(Rule))]

    def copies(self) -> list[MirrorCopy]:
        with db.read_transaction(self.engine) as session:
            found = list(session.scalars(select(MirrorCopy).order_by(col(MirrorCopy.id))))
            session.expunge_all()
            return found

    @contextlib.contextmanager
    def client(self, account: str = "") -> Iterator[IMAPClient]:
        """Mail program of an employee."""
        with self.server.client(account or self.account) as client:
            yield client

    def lying(self, folder: str, account: str = "") -> list[bytes]:
        """Messages in a folder; empty where the folder does not exist."""
        with self.client(account) as client:
            if not dovecot.open_folder(client, folder):
                return []
            uids = client.search()
            answers = sorted(client.fetch(uids, ["BODY.PEEK[]"]).items()) if uids else []
            return [one[b"BODY[]"] for _, one in answers if one.get(b"BODY[]") is not None]  # the others went this moment

    def shows(self, *messages: int, folder: str = JOE) -> None:
        """Wait until exactly these lie in a folder."""
        wanted = sorted(self.raw(mail) for mail in messages)
        processes.until(lambda: sorted(undressed(one) for one in self.lying(folder)) == wanted, f"{folder} shows {len(messages)} messages")

    def moves(self, folder: str, *, out_of: str = JOE, client: IMAPClient | None = None, only: bytes = b"") -> None:
        """Move all messages of a folder, or only those with these words. Messages that are gone already stay gone."""
        with contextlib.nullcontext(client) if client else self.client() as program:
            program.select_folder(out_of)
            uids = program.search(["BODY", only.decode()] if only else "ALL")
            if uids:
                with contextlib.suppress(IMAPClientError):
                    program.move(uids, folder)

    def becomes(self, mail: int, *states: str) -> None:
        """Wait until a message is in one of these states."""
        processes.until(lambda: self.state(mail) in states, f"it becomes {' or '.join(states)}")

    def notes(self, folder: str, account: str = "") -> list[bytes]:
        """The notes in a folder."""
        return [one for one in self.lying(folder, account) if one.startswith(b"Date: ") and b"From: Mailroom <" in one]


def undressed(raw: bytes) -> bytes:
    """A copy without the fields on top, which are one block that ends with the copy's number."""
    head, found, rest = raw.partition(b"\r\nX-Mailroom-Copy: ")
    assert found
    names = [one.group(1) for one in re.finditer(rb"^([!-9;-~]+):", head, re.MULTILINE)]
    assert names in (ON_TOP, [*ON_TOP, b"X-Mailroom-Group"]), names
    return rest.partition(b"\r\n")[2]


def town(engine: Engine, settings: Settings, server: dovecot.Server, directory: Path, **more: Any) -> Town:
    """A department with an account of its own that nobody has used before."""
    account = f"it{next(_numbers)}@company.example"
    secret = directory / "master"
    secret.write_text(dovecot.MASTER_PASSWORD)
    access: dict[str, Any] = {
        "imap": f"imap://127.0.0.1:{server.imap_port}",
        "auth": "master",
        "master_user": dovecot.MASTER,
        "password_file": str(secret),
    }
    given: dict[str, Any] = {"departments": (f"it={account}",), "act_as": ("it=ana",), "timeout": 5, "interval": 0} | access | more
    settings = replace(settings, mirror=Mirror(**given))
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
    return Town(engine, settings, server, account)


@contextlib.contextmanager
def mirroring(settings: Settings) -> Iterator[None]:
    """The mirror at work in a thread; whatever it raises is raised at the end."""
    stop, faults = threading.Event(), []

    def work() -> None:
        try:
            mirror_role.run_role(settings, stop)
        except BaseException as fault:
            faults.append(fault)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(processes.HANG)
    if faults:
        raise faults[0]


RELEASED = (State.QUEUED, State.RELAYING, State.DELIVERED)
