"""Harmless output: each listing command, in a company whose names and notes would move the cursor, turn the text or calculate."""

import csv
import io
import json
from pathlib import Path

import pytest
from sqlalchemy import Engine, update
from sqlmodel import SQLModel, select

from tests.triage.tampering import unguard
from tests.triage_cli import test_contract
from tests.triage_cli.conftest import Arrives, Shell
from tests.triage_cli.output.terminal import run_in_terminal
from tests.triage_cli.output.terminal_attacks import EVERYTHING, find_obeyed
from tests.triage_cli.output.test_tables import is_harmless
from tests.triage_cli.test_parity import leaf
from tests.triage_cli.test_scope import commands
from triage.delivery.recall import related_messages
from triage.delivery.recall.related_messages import Place, Related
from triage.ids import parse_id
from triage.store import db
from triage.store.models.assignments import Comment
from triage.store.models.compliance import LegalHold
from triage.store.models.contacts import PostedList
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import Department, Person
from triage.store.models.employees import MailRequest
from triage.store.models.mailboxes import RelatedMail, SweptMailbox
from triage.store.models.messages import Message
from triage.store.models.rules import EnforcementStep, Rule
from triage.store.models.staff import ApiToken, StaffMember, Substitution
from triage.text.csv_export import FORMULA
from triage_cli.output.tables import FormOption

HOSTILE = "=" + EVERYTHING + "\ttext\r\nmore"
SAID: tuple[tuple[type[SQLModel], tuple[str, ...]], ...] = (  # by mail, by mailboxes, by people
    (Delivery, ("subject", "author_name", "note", "last_reply", "reason")),
    (Message, ("text",)),
    (Decision, ("reason", "by_shown")),
    (Comment, ("text", "by_shown")),
    (Rule, ("note", "author", "doubt")),
    (RelatedMail, ("mailbox", "folder", "author", "subject")),
    (SweptMailbox, ("why",)),
    (PostedList, ("address", "signer", "list_id", "person")),
    (Department, ("name",)),
    (Person, ("name",)),
    (StaffMember, ("name",)),
    (Substitution, ("reason",)),
    (ApiToken, ("name", "client")),
    (EnforcementStep, ("reason", "by_shown")),
    (LegalHold, ("reason", "made_by_shown")),
    (MailRequest, ("words", "asked_by_shown")),
)
ARGUMENTS = {  # of those that are about something
    "enforcement undecided": "--department it --minutes 1",
    "show": "{mail} --reason curious",
    "trace": "{mail}",
    "comment": "{mail}",
    "where": "joe.fern",
    "decisions related": "{purge}",
    "decisions items": "{purge}",
    "campaigns show": "{campaign}",
    "campaigns": "--fewest 1 --state any",
    "campaigns list": "--fewest 1 --state any",
    "rules explain": "{mail}",
    "start-list show": "banks",
    "who-can-read": "it",
    "legal-hold list": "--lifted",
    "report": "campaigns",
}
ACTS = {  # they say what they have done in the words of `decisions`
    "campaigns join", "campaigns split", "decisions undo", "hold", "purge", "redeliver", "redirect", "reject", "release", "restore",
    "sweep", "token create", "retention", "resume", "hunt start", "hunt ask", "hunt remove", "hunt close",
}  # fmt: skip
OTHERWISE = (
    "report --format html",
    "show {mail} --reason curious --headers",
    "rules export",
    "sieve it",
    "audit export",
)  # what no FormOption is for
ELSEWHERE = {
    "authenticate",
    "doctor",
    "sync",
    "import maildir",
    "import mbox",
    "practice scores",
    "webhooks list",
    "hunt show",
    "hunt messages",
}  # they read no messages from the database; a hunt needs mailboxes


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """SQLite alone: the output does not depend on the database."""
    return sqlite_url


def forms(name: str) -> list[str]:
    """--json and --csv, as far as a command has them."""
    return [one.opts[0] for one in leaf(name).params if isinstance(one, FormOption)]


def test_nothing_of_it_gets_through(shell: Shell, arrives: Arrives, engine: Engine, config: Path) -> None:
    names = busy(shell, arrives, engine)
    with db.transaction(engine) as session:
        unguard(session)
        for model, columns in SAID:
            assert session.scalars(select(model).limit(1)).first() is not None, model
            session.execute(update(model).values(dict.fromkeys(columns, HOSTILE)))
    looking = [
        name
        for name in dict.fromkeys([*commands(), "queue", "rules", "enforcement"])
        if forms(name) and name not in ACTS | ELSEWHERE | {*test_contract.ACTS, *test_contract.SAYS}
    ]
    assert len(looking) > 25
    for name in looking:
        words = [*name.split(), *ARGUMENTS.get(name, "").format(**names).split()]
        for form in ("", *forms(name)):
            code, printed = run_in_terminal("--config", str(config), *words, *filter(None, [form]))
            assert (name, form, code, find_obeyed(printed)) == (name, form, 0, [])
            said = printed.decode()
            assert is_harmless(said), (name, form, said)
            if form == "--json":
                json.loads(said)
            if form == "--csv":
                assert not [cell for row in csv.reader(io.StringIO(said)) for cell in row if cell.startswith(FORMULA)], (name, said)
    for line in OTHERWISE:
        code, printed = run_in_terminal("--config", str(config), *line.format(**names).split())
        assert (line, code, find_obeyed(printed.replace(b"\r\n", b"\n"))) == (line, 0, [])


def busy(shell: Shell, arrives: Arrives, engine: Engine) -> dict[str, str]:
    """A company in which each command has something to tell; the ids by name."""
    mail, other = arrives(text="A long text, of which there is one campaign with one mail in it."), arrives()
    purge = json.loads(shell("purge", other, "--json").out)["decision"]
    for line in (
        "sweep bad@bad.example --reason x",
        "block junk.example --note x",
        "staff substitute ana ben --until 2031-01-01 --reason x",
        "token create robot --may read",
        "enforcement record-only --department it --reason x",
        "legal-hold add --of joe.fern --reason x",
        f"ask {mail} --comment x",
        f"comment {mail} x",
        f"release {arrives()}",
    ):
        assert shell(*line.split()).code == 0, line
    with db.transaction(engine) as session:
        delivery = session.get_one(Delivery, parse_id(mail))
        campaign = delivery.campaign_id or 0
        beside = [Related(Place("x", 7, 1, ""), delivery.received_at, False, None, "x", "x")]
        related_messages.record_related(session, parse_id(purge), session.get_one(Delivery, parse_id(other)), beside, delivery.received_at)
        session.add(PostedList(address="x", posts=1))
    (row,) = (one for one in json.loads(shell("campaigns", "--fewest", "1", "--state", "any", "--json").out))
    assert campaign
    return {"mail": mail, "purge": purge, "campaign": row["id"]}


@pytest.mark.parametrize(
    "words", [["nonsense\x1b[2J"], ["show", "\u202enonsense"], ["deliveries", "--state", "\x1b[2J"], ["release", "--\x1b"]]
)
def test_what_is_typed_wrong_is_harmless_too(shell: Shell, words: list[str]) -> None:
    said = shell(*words)
    assert (said.code, is_harmless(said.err)) == (2, True), said
