"""Parity of commands: each says the same, exits alike and leaves the same in the audit log wherever it is answered.

By the machine itself, by the API that runs there, and by a server over HTTP.
"""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage import arriving
from tests.triage.arriving import DMARC_PASS, IDA, arrive
from tests.triage_cli.conftest import Said
from tests.triage_cli.serving import served
from tests.triage_cli.test_scope import commands
from triage.access import api_tokens
from triage.access.api_tokens import TokenOrder
from triage.actor import Grant
from triage.config import settings_loader
from triage.config.settings import Settings, Webhooks
from triage.config.webhooks import Hook
from triage.ids import format_id
from triage.policy.learning.learn_contacts import Announced, announce_contacts
from triage.store import db
from triage.store.models.audit import AuditRecord
from triage.store.models.contacts import PostedList
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule
from triage.times import utcnow
from triage_cli import main
from triage_cli.client import client_option
from triage_cli.client.local_setup import shell_user
from triage_cli.main import mailroom
from triage_cli.services import upkeep

ID = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{13}\b")
ASKER = re.compile(r"shell:\w+|token:[0-9A-HJKMNP-TV-Z]{13}")
BY_NATURE = (  # what differs from one moment, one machine, one asker to another
    (re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00)?)?"), "TIME"),
    (re.compile(r"\d{1,2} \w{3} \d\d:\d\d"), "TIME"),
    (re.compile(r'"waited": \d+'), '"waited": 1'),  # since the answer before
    (re.compile(r"\d+ seconds? ago"), "AGO"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "HASH"),
    (re.compile(r"\w+ \(shell\)|parity \(token\)"), "Asker"),
    (re.compile(r'"TIME","127.0.0.1"'), '"never",""'),  # the token that asks has been used
    (re.compile(r"erased-[0-9a-f]{10}"), "PSEUDONYM"),
    (re.compile(r" {2,}"), "  "),
)
TEXT = "Your parcel could not be handed over. Settle the customs charge and choose a new delivery slot today."


class Line(NamedTuple):
    """A command line, how it ends, and under which name the first id that it prints is known from then on."""

    words: str
    code: int = 0
    name: str = ""


LINES = [
    Line("deliveries"),
    Line("deliveries --json --state held --domain supplier.example"),
    Line("deliveries --csv --limit 2"),
    Line("deliveries --json --link-domain parcel.example"),
    Line("purge --attachment-sha256 abc", 2),
    Line("deliveries {one} {two} --json"),
    Line("deliveries --rule first-contact --person joe.fern --since 2026-01-01 --until 2031-01-01"),
    Line("deliveries --state nonsense", 2),
    Line("deliveries --since yesterday", 2),
    Line("show {one}"),
    Line("show {two} --json"),
    Line("show {three} --headers"),
    Line("show {one} --source"),
    Line("show 0000000000007", 1),
    Line("trace {one}"),
    Line("trace {two} --json"),
    Line("trace 0000000000007", 1),
    Line("where joe"),
    Line("where joe.fern@company.example parcel --json"),
    Line("where nobody@company.example --since 2026-01-01"),
    Line("where joe --since yesterday", 2),
    Line("show nonsense", 2),
    Line("release {one} --reason wanted --allow person:joe.fern", name="released"),
    Line("release {one}", 1),
    Line("release {two} --allow company --dry-run"),
    Line("release {two} --allow company --dry-run --json"),
    Line("release {two} --dry-run", 2),
    Line("release {two} --allow-sender a@b.example", 2),
    Line("release {two} --allow company --allow-sender a@b.example", 1),
    Line("release --sender sales@supplier.example --expect 7", 1),
    Line("release", 2),
    Line("hold {one} --json --reason 'not yet'"),
    Line("hold {one}", 1),
    Line("purge {two} --wait --json --reason bad --block department:it", name="purged"),
    Line("purge --sender x@x.example --block team:x", 2),
    Line("purge {three} --wait"),
    Line("restore {three}"),
    Line("restore --json {three}", 1),
    Line("reject {one}", 2),
    Line("reject {one} --template not-wanted --reason 'not ours'", 1),
    Line("redirect {one} --to nobody@other.example", 2),
    Line("redirect {one} --to mara.berg --reason hers", name="redirected"),
    Line("redirect {one}", 2),
    Line("decisions"),
    Line("decisions --json --limit 2 --mine"),
    Line("decisions list --csv"),
    Line("decisions items {redirected} --json"),
    Line("decisions items {redirected} --outcome refused"),
    Line("decisions items 0000000000007", 1),
    Line("decisions undo {redirected} --reason oops --json"),
    Line("decisions undo {redirected}", 1),
    Line("decisions undo {purged} --wait"),
    Line("decisions related {purged} --json"),
    Line("decisions related {purged} --take 0000000000007", 1),
    Line("report rules work mistakes --until 2031-01-01 --since 2030-12-01"),
    Line("report rules queue --json --until 2031-01-01 --since 2030-12-01"),
    Line("report saved --csv --until 2031-01-01 --since 2030-12-01"),
    Line("report campaigns --format html --until 2031-01-01 --since 2030-12-01"),
    Line("report --csv", 2),
    Line("report weather", 2),
    Line("report rules --csv --table weather --until 2031-01-01 --since 2030-12-01", 1),
    Line("report --since 2001-01-01", 2),
    Line("campaigns"),
    Line("campaigns --json --fewest 1 --state any", name="campaign"),
    Line("campaigns list --search parcel --since 2026-01-01 --department it"),
    Line("campaigns show {campaign}"),
    Line("campaigns split {campaign} {wave} --reason other", name="split"),
    Line("campaigns split {campaign} {one}", 2),
    Line("decisions undo {split}"),
    Line("campaigns join {campaign} {campaign}", 2),
    Line("campaigns join {campaign} {other} --json"),
    Line("release {four} {five}"),
    Line("outgoing"),
    Line("outgoing list --json"),
    Line("outgoing list --next-hop nowhere:", 2),
    Line("outgoing next-hops"),
    Line("brakes"),
    Line("brakes list --json"),
    Line("brakes release 0000000000007", 1),
    Line("brakes remove 0000000000007", 1),
    Line("brakes restore 0000000000007", 1),
    Line("run announce joe.fern --recipients 9 --until 4h --reason invitations", name="run"),
    Line("run announce nobody --recipients 9", 2),
    Line("run"),
    Line("run list --json"),
    Line("run end {run}"),
    Line("run end {run}", 1),
    Line("outgoing retry {four}"),
    Line("outgoing retry 0000000000007", 1),
    Line("outgoing retry", 2),
    Line("outgoing give-up {five}"),
    Line("outgoing hold {four} --reason later"),
    Line("outgoing hold {four}", 1),
    Line("outgoing give-up --next-hop nowhere:", 2),
    Line("allow .new.example --proof aligned --note 'from Ana' --until 2031-01-01", name="allowed"),
    Line("allow new.example --dry-run"),
    Line("allow gmail.com", 2),
    Line("allow sales@new.example"),
    Line("escalate {three} --to legal --reason summons", name="escalated"),
    Line("escalate {three} --to finance --reason summons", 2),
    Line("escalations"),
    Line("escalations list --all --json"),
    Line("escalations confirm {escalated}"),
    Line("escalations confirm {escalated}", 1),
    Line("hold-sender third.example --reason hacked --until 2031-01-01", name="held_sender"),
    Line("hold-sender third.example --reason hacked --dry-run"),
    Line("sending-services"),
    Line("sending-services --json"),
    Line("checks"),
    Line("checks list --json"),
    Line("checks resume link-text --reason 'looked at it'"),
    Line("checks resume account", 1),
    Line("proofs"),
    Line("proofs list --json"),
    Line("proofs renew strangers.example --way dkim:strangers.example", 1),
    Line("proofs refuse strangers.example --way dkim:strangers.example", 1),
    Line("proofs undo strangers.example", 1),
    Line("rules remove {held_sender}"),
    Line("block junk.example --scope department:it --lapse 90", name="blocked"),
    Line("block list:dev.lists.example"),
    Line("rules"),
    Line("rules list --json --search new"),
    Line("rules list --csv --limit 1"),
    Line("rules change {allowed} --until never --note second --not-risky"),
    Line("rules change {allowed}", 2),
    Line("rules change {allowed} --proof trust", 2),
    Line("rules redirect recipient:info@company.example --to mara.berg"),
    Line("rules redirect x@x.example --to nobody", 2),
    Line("rules export"),
    Line("rules import {file} --dry-run"),
    Line("rules import {file}"),
    Line("rules import {wrong}", 2),
    Line("rules content screensavers --effect hold --when attachment_name=*.scr --note 'no programs' --dry-run"),
    Line("rules content screensavers --effect hold --when attachment_name=*.scr --note 'no programs'", name="content"),
    Line("rules content screensavers --effect hold --when colour=red --note 'no programs'", 2),
    Line("rules pause {content}"),
    Line("rules resume {content}"),
    Line("rules test {file}"),
    Line("sieve export it"),
    Line("sieve export nowhere", 2),
    Line("sieve import {script} --scope it --dry-run"),
    Line("sieve import {script} --scope it"),
    Line("sieve import {file} --scope it", 2),
    Line("rules explain sales@new.example --to joe.fern@company.example"),
    Line("rules explain {one} --json"),
    Line("rules explain sales@new.example", 2),
    Line("rules explain sales@new.example --to nobody@company.example", 1),
    Line("rules remove {blocked} 0000000000007", 1),
    Line("rules remove {blocked}"),
    Line("rules propose --json", name="proposal"),
    Line("rules propose --refuse {proposal}"),
    Line("rules propose --accept {proposal}", 1),
    Line("start-list"),
    Line("start-list list --json"),
    Line("start-list show banks"),
    Line("start-list show bank", 1),
    Line("start-list acts --json"),
    Line("start-list allow banks", 1),
    Line("start-list undo 0000000000000", 1),
    Line("start-list import {wrong}", 2),
    Line("people list fern"),
    Line("people list --json"),
    Line("people departments"),
    Line("people departments --csv"),
    Line("who-can-read joe.fern"),
    Line("who-can-read department:it --json"),
    Line("who-can-read nobody", 1),
    Line("who-can-read team:it", 2),
    Line("searches save parcels --search parcel --share department:it", name="kept"),
    Line("searches save nothing", 2),
    Line("searches list"),
    Line("searches list --json"),
    Line("searches remove {kept}"),
    Line("searches remove {kept}", 1),
    Line("contacts", name="known"),
    Line("contacts list --json --search known --person joe.fern"),
    Line("contacts drop {known}"),
    Line("contacts accept {known}"),
    Line("contacts accept 0000000000007", 1),
    Line("contacts reasons --days 7"),
    Line("contacts lists --csv"),
    Line("distribution-lists"),
    Line("distribution-lists info --json"),
    Line("enforcement"),
    Line("enforcement list --json"),
    Line("enforcement record-only --department it --reason 'first day'"),
    Line("enforcement hold-dangerous --department nowhere --from now", 2),
    Line("enforcement hold-dangerous --from now"),
    Line("enforcement hold-unknown --from now"),
    Line("enforcement hold-everything --person joe.fern --from now --note --dry-run"),
    Line("enforcement hold-everything --person joe.fern --from now --note"),
    Line("enforcement reset --person joe.fern --dry-run"),
    Line("enforcement reset --person joe.fern"),
    Line("enforcement reset --department it"),
    Line("enforcement undecided --department it --minutes 240"),
    Line("emergency"),
    Line("emergency --until 2h --reason 'nobody is here'"),
    Line("emergency --until 400h --reason long", 2),
    Line("emergency --until soon", 2),
    Line("emergency"),
    Line("emergency --close"),
    Line("emergency --close", 1),
    Line("webhooks list"),
    Line("webhooks list --json"),
    Line("webhooks list --csv"),
    Line("webhooks test ops"),
    Line("webhooks list --json"),
    Line("webhooks resume ops"),
    Line("webhooks test chat/../ops", 2),
    Line("webhooks resume chat", 1),
    Line("approvals list --json"),
    Line("confidential-removals list --json"),
    Line("confidential-removals confirm 0000000000007", 1),
    Line("confidential-removals decline 0000000000007", 1),
    Line("approvals confirm 0000000000007", 1),
    Line("approvals decline 0000000000007", 1),
    Line("legal-hold add --of joe.fern --reason lawsuit", name="legal"),
    Line("legal-hold add --of joe.fern --sender x@x.example --reason both", 2),
    Line("legal-hold list --json"),
    Line("legal-hold lift {legal} --reason over"),
    Line("legal-hold list --lifted"),
    Line("sweep bad@bad.example --reason phishing"),
    Line("hunt start --subject invoice --reason phishing", 1),  # hunting is off
    Line("hunt list --json"),
    Line("hunt list --csv"),
    Line("hunt show 0000000000007", 1),
    Line("hunt ask 0000000000007 --reason x", 1),
    Line("hunt messages 0000000000007 --json", 1),
    Line("hunt remove 0000000000007 0000000000008", 1),
    Line("hunt remove 0000000000007", 2),
    Line("hunt close 0000000000007", 1),
    Line("assign {three} --to ana --note 'you know him'"),
    Line("assign {three} --back"),
    Line("assign {three} --back", 1),
    Line("assign {three} --to nobody", 2),
    Line("assign {three}", 2),
    Line("comment {three} 'I called them'"),
    Line("comment {three}"),
    Line("comment 0000000000007", 1),
    Line("ask {three} --comment 'he called'", name="request"),
    Line("ask 0000000000007", 1),
    Line("reported list"),
    Line("reported list --json"),
    Line("reported answer 0000000000007 --bad", 1),
    Line("reported answer 0000000000007", 2),
    Line("requests list"),
    Line("requests list --json"),
    Line("requests list --csv"),
    Line("requests decline {request} --reason spam"),
    Line("requests decline {request}", 1),
    Line("requests decline nonsense", 2),
    Line("redeliver --person joe.fern --since 2026-01-01 --dry-run"),
    Line("redeliver --person joe.fern --since 2026-01-01 --reason lost", 1),
    Line("staff list --json"),
    Line("staff away ana --until 2031-01-01"),
    Line("staff away nobody", 1),
    Line("staff substitute ana ben --until 2031-01-01 --reason holidays", name="standin"),
    Line("staff substitute ana ana --until 2031-01-01", 2),
    Line("staff substitutes"),
    Line("staff end-substitute {standin}"),
    Line("token list --csv"),
    Line("token revoke {spare}"),
    Line("token revoke 0000000000007", 1),
    Line("person-data erase mal@supplier.example --dry-run"),
    Line("person-data erase mal@supplier.example", 2),
    Line("person-data erase mal@supplier.example --reason 'case 12'"),
    Line("person-data list"),
    Line("person-data list --json"),
    Line("audit --limit 5"),
    Line("audit list --json --limit 2"),
    Line("audit verify"),
    Line("audit verify --state"),
    Line("audit export"),
    Line("audit export --after 3"),
]
OWN_TEST = {
    "token create",  # no token makes tokens: tests/triage_cli/client/test_remote_client.py
    "person-data export",  # a zip: tests/triage_cli/commands/records/test_person_data.py
}


@dataclass
class World:
    """Company, one of three equal ones, and the way to ask it."""

    settings: Settings
    engine: Engine
    config: Path
    options: list[str]
    names: dict[str, str]
    neighbour: bool = False
    seen: dict[str, str] = field(default_factory=dict)

    def run_line(self, line: Line, capsys: pytest.CaptureFixture[str]) -> Said:
        """Output of a command here, without values that always differ."""
        words = [word.strip("'") for word in re.findall(r"'[^']*'|\S+", line.words)]
        words = [word.format(**self.names) if "{" in word else word for word in words]
        capsys.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            if self.neighbour:
                patch.setattr(client_option, "open_here", lambda _settings: pytest.fail("the API that runs was not asked"))
            code = main.run_command(lambda: mailroom(["--config", str(self.config), *self.options, *words], standalone_mode=False))
        out, err = capsys.readouterr()
        if line.name:
            found = ID.search(out)
            assert found, (line, out, err)
            self.names[line.name] = found[0]
        return Said(code, self.alike(out), self.alike(err))

    def alike(self, text: str) -> str:
        """Ids by the order in which they are met, the rest by its kind."""
        text = ASKER.sub("ASKER", text)
        text = ID.sub(lambda found: self.seen.setdefault(found[0], f"ID{len(self.seen)}"), text)
        for pattern, word in BY_NATURE:
            text = pattern.sub(word, text)
        return text

    def record(self) -> list[Any]:
        """Audit entries, states of messages and rules in force by now."""
        with db.read_transaction(self.engine) as session:
            acts = session.scalars(select(AuditRecord).order_by(col(AuditRecord.id))).all()
            mail = session.execute(select(col(Delivery.id), col(Delivery.state), col(Delivery.mailbox)).order_by(col(Delivery.id))).all()
            rules = session.scalars(select(Rule).where(col(Rule.removed_at).is_(None)).order_by(col(Rule.id))).all()
            return [
                *(self.alike(f"{one.act} {one.subject} {one.by} {one.items} {sorted(one.detail.items())}") for one in acts),
                *(self.alike(f"{format_id(one.id)} {one.state} {one.mailbox}") for one in mail),
                *(self.alike(f"{one.effect} {one.match} {one.value} {one.scope} {one.proof} {one.note} {one.until}") for one in rules),
            ]


@pytest.fixture
def worlds(settings: Settings, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[World, ...]]:
    """A company and its copies: one on this machine, one there with an API that runs, one behind a server."""
    monkeypatch.setenv("SSH_CONNECTION", "127.0.0.1 50000 127.0.0.1 22")
    engine = db.open_engine(sqlite_url)
    names = seeded(settings, engine, tmp_path)
    engine.dispose()
    beside, there = copied(settings, sqlite_url, tmp_path / "beside"), copied(settings, sqlite_url, tmp_path / "there")
    there = replace(there, policy=replace(there.policy, approvals=()))  # a token has no rights, and the machine's own shell has all
    here = replace(settings, database=replace(settings.database, url=sqlite_url))
    beside_file = written(beside, tmp_path / "beside.toml")
    with served(settings_loader.read_settings(str(beside_file)), to_commands=True), served(there) as url:
        token = tmp_path / "token"
        token.write_text(names.pop("key"))
        engines = [db.open_engine(one.database.url) for one in (here, beside, there)]
        yield (
            World(here, engines[0], written(here, tmp_path / "here.toml"), [], dict(names)),
            World(beside, engines[1], beside_file, [], dict(names), neighbour=True),
            World(there, engines[2], tmp_path / "none.toml", ["--server", url, "--token-file", str(token)], dict(names)),
        )
        for one in engines:
            one.dispose()


def copied(settings: Settings, url: str, directory: Path) -> Settings:
    """The settings of a copy of the company."""
    (directory / "spool").mkdir(parents=True)
    shutil.copyfile(url.removeprefix("sqlite:///"), directory / "mailroom.db")
    return replace(
        settings,
        webhooks=Webhooks(hooks=(Hook("ops", "https://ops.example/hook"),)),
        database=replace(settings.database, url=f"sqlite:///{directory}/mailroom.db"),
        spool=replace(settings.spool, directory=directory / "spool"),
    )


def written(settings: Settings, file: Path) -> Path:
    """The settings as a file; a client has an empty one."""
    (file.parent / "none.toml").write_text("")
    file.write_text(
        f"""
[company]
domains = ["company.example"]
hostname = "mx.company.example"
[database]
url = "{settings.database.url}"
[spool]
directory = "{settings.spool.directory}"
[relay]
next_hop = "{settings.relay.next_hop}"
[webhooks.hooks.ops]
url = "https://ops.example/hook"
"""
    )
    return file


def seeded(settings: Settings, engine: Engine, directory: Path) -> dict[str, str]:
    """Mail, rules and whatever else there is to be asked about; the ids by name."""
    with db.transaction(engine) as session:
        arriving.set_up(session, settings)
        one, two, three, four, five = (
            format_id(arrive(session, settings, "it+joe.fern@company.example", author=f"{name}@supplier.example", dmarc=DMARC_PASS)[0])
            for name in ("sales", "=cmd", "bob\x1b[2J", "eve", "mal")
        )
        wave = [arrive(session, settings, author=f"{n}@host{n}.example", subject="Parcel", text=TEXT)[0] for n in range(3)]
        other = arrive(session, settings, author="a@alone.example", subject="Hello", text="Shall we have lunch on Thursday, as we said?")[0]
        announce_contacts(session, [Announced("joe.fern", "known@elsewhere.example")], settings=settings, by=IDA, now=utcnow())
        session.add(PostedList(address="a@l.example", list_id="a.l.example", signer="l.example", posts=2))
        made, key = api_tokens.create_token(session, TokenOrder("parity", tuple(Grant), ("company",)), by=shell_user(), now=utcnow())
        api_tokens.touch_token(session, made.id, "127.0.0.1", now=utcnow())  # its first use is an act of its own
        spare, _ = api_tokens.create_token(session, TokenOrder("spare", ("read",), ("department:it",)), by=shell_user(), now=utcnow())
        assert made
        campaign = session.get_one(Delivery, other).campaign_id or 0
        names = {"spare": format_id(spare.id), "wave": format_id(wave[0]), "other": format_id(campaign), "key": key}
    upkeep.seal_audit_log(engine, "here:1")
    (directory / "rules.txt").write_text("allow good@customer.example\nblock .bad.example\n")
    (directory / "wrong.txt").write_text("allow good@customer.example\nalow a@b.example\n")
    (directory / "filters.sieve").write_text('if address "from" "ana@bank.example" { keep; stop; }\n')
    files = {"file": str(directory / "rules.txt"), "wrong": str(directory / "wrong.txt"), "script": str(directory / "filters.sieve")}
    return names | files | {"one": one, "two": two, "three": three, "four": four, "five": five}


def test_wherever_it_is_answered_it_is_the_same(worlds: tuple[World, ...], capsys: pytest.CaptureFixture[str]) -> None:
    odd = []
    for line in LINES:
        first, *others = said = [world.run_line(line, capsys) for world in worlds]
        harmless = "--source" in line.words or not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", first.out + first.err)
        if any(first != other for other in others) or first.code != line.code or not harmless or bool(line.code) > bool(first.err):
            odd.append(f"\n{line}\n{said}")
    assert odd == [], "".join(odd)
    records = [world.record() for world in worlds]
    assert all(records[0] == one for one in records)


def asking() -> set[str]:
    """Names of the commands that ask the API."""
    return {name for name in commands() if any(one.name == "server" and getattr(one, "hidden", False) for one in leaf(name).params)}


def leaf(name: str) -> click.Command:
    """A command by its words."""
    found: click.Command = mailroom
    for word in name.split():
        assert isinstance(found, click.Group)
        found = found.get_command(click.Context(found), word) or found
    return found


def test_every_command_that_asks_has_its_lines() -> None:
    told = {name for name in commands() if any(f"{line.words} ".startswith(f"{name} ") for line in LINES)}
    assert asking() - OWN_TEST - told == set()
