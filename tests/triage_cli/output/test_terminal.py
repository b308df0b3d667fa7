"""Attacks on terminals through each command: what is typed, settings, hostile servers and messages, logs, faults, completion, a pager.

Commands come from the command tree, so that a new one is attacked without a line here.
"""

import base64
import contextlib
import logging
import os
import shlex
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import click
import pytest
from click.shell_completion import ShellComplete
from sqlalchemy import Engine

from tests.directory_sync.entries import PEOPLE, group, ldif, person
from tests.effort import long
from tests.mta.session.test_smtp_session import talk
from tests.peers.receiving import start_receiver
from tests.peers.slapd import Slapd, start_slapd
from tests.triage import arriving
from tests.triage_cli.conftest import Shell
from tests.triage_cli.output.hostile_server import ID, JUNK, ODD, REFUSED, SHAPED, Server, serve_hostile
from tests.triage_cli.output.terminal import Terminal, run_in_terminal, show_in_terminal
from tests.triage_cli.output.terminal_attacks import ATTACKS, BYTES, EVERYTHING, MARK, TYPED, find_obeyed
from tests.triage_cli.test_parity import LINES, Line, asking, leaf
from tests.triage_cli.test_scope import commands
from triage.config.settings import Settings, every_key
from triage.ids import format_id
from triage.intake import receive
from triage.message.summary import make_summary
from triage.store import db
from triage_cli.client import remote_client
from triage_cli.doctor import doctor_command
from triage_cli.doctor.finding import FAIL, Finding
from triage_cli.main import SECTIONS, mailroom
from triage_cli.output.faults import guard_traces
from triage_cli.output.progress import Progress, Ticker
from triage_cli.services.log_format import JsonLines, TextLines

ROLES = {name for one in SECTIONS.values() for name, module in one.items() if module.startswith("services.")} | {"demo"}  # they run on
OF_THIS_MACHINE = {"secrets encrypt", "secrets decrypt"}  # without an argument they change the real secrets of whoever runs the tests
MORE_LINES = [
    Line("token create robot --may read"),
    Line("person-data export x@x.example --to export.zip"),
    Line("person-data export x@x.example --to -"),
    Line("person-data erase x@x.example --reason x"),  # asks
    Line("proofs renew x.example"),  # asks
    Line("report rules --csv"),
]
OFTEN = 8  # settings; one of so many is also given as a list, and by the environment
WITHOUT_ANSWER = {"rules test"}  # refused before a server is asked
QUIET = {  # they print ids, dates, numbers and words of their own
    "approvals confirm", "approvals decline", "ask", "assign", "checks list", "checks resume", "confidential-removals confirm",
    "confidential-removals decline", "contacts accept", "contacts drop", "outgoing give-up", "outgoing hold", "outgoing retry",
    "person-data erase", "person-data export",
    "reported answer", "requests decline", "rules change", "rules pause", "rules remove", "rules resume",
    "rules test", "run end", "searches remove", "sieve export", "staff away", "staff end-substitute", "token revoke",
    "webhooks resume",
}  # fmt: skip


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """SQLite alone: the output does not depend on the database."""
    return sqlite_url


def assert_nothing_obeyed(tried: dict[str, bytes]) -> None:
    """No byte of what was printed controls a terminal. `tried`: what was printed, by what was tried."""
    assert {words: found[:3] for words, printed in tried.items() if (found := find_obeyed(printed))} == {}


@pytest.mark.parametrize("kind", ATTACKS)
def test_the_judge_of_this_file_knows_each_attack(kind: str) -> None:
    assert find_obeyed(ATTACKS[kind].encode())
    assert MARK in EVERYTHING
    assert ATTACKS[kind] in EVERYTHING


def test_the_judge_of_this_file_accepts_words_and_progress() -> None:
    def work() -> None:
        with Progress("Release", 2) as progress, Ticker("records") as ticker:
            progress.step()
            ticker.add(2000)

    bar = show_in_terminal(work)
    assert find_obeyed("Grüße, 你好 🙂\tשלום\n".encode() + bar.printed) == []
    assert b"\x1b[?25l" in bar.printed
    assert find_obeyed(b"\x9b2J")


def typed_lines(name: str) -> Iterator[list[str]]:
    """Lines of a command with an attack as each argument, one too many, and as the value of each option."""
    found = leaf(name)
    yield [*name.split(), *[TYPED] * (1 + sum(isinstance(one, click.Argument) for one in found.params))]
    yield [*name.split(), f"--{TYPED}"]
    for one in found.params:
        if isinstance(one, click.Option) and not one.is_flag and (name, one.name) != ("demo", "directory"):
            yield [*name.split(), max(one.opts, key=len), TYPED, *filler(found)]


def filler(command: click.Command) -> list[str]:
    """Arguments for those that a command needs."""
    return [ID for one in command.params if isinstance(one, click.Argument) and one.required]


def test_what_is_typed_in_a_house_with_hostile_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.toml").write_text(f"[company]\ndomains = {toml_text(EVERYTHING)}\n")
    tried = {}
    for name in commands():
        for words in typed_lines(name):
            tried[shlex.join(words)[:90]] = run_in_terminal("--config", "broken.toml", *words).printed
        if name not in ROLES | OF_THIS_MACHINE:
            tried[name] = run_in_terminal("--config", "broken.toml", *name.split(), *filler(leaf(name))).printed
    for words in ([TYPED], ["--config", TYPED, "queue"], ["--server", TYPED, "queue"], ["settings", "--check"], ["doctor"]):
        tried[" ".join(words)[:90]] = run_in_terminal(*words).printed
    assert len(tried) > 500
    assert sum(MARK.encode() in printed for printed in tried.values()) > 300
    assert_nothing_obeyed(tried)


def test_what_is_typed_in_a_house_that_works(shell: Shell, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tried = {}
    for name in sorted({*commands()} - ROLES - OF_THIS_MACHINE - {"doctor", "authenticate"}):  # those two ask the network
        lines = [*typed_lines(name)]
        for words in [lines[0][:-1], *(lines[2:] if name not in asking() else [])]:
            tried[shlex.join(words)[:90]] = run_in_terminal("--config", str(config), *words).printed
    assert sum(MARK.encode() in printed for printed in tried.values()) > 50
    assert_nothing_obeyed(tried)


def toml_text(text: str) -> str:
    """A basic string of TOML."""
    return '"' + "".join(f"\\U{ord(one):08X}" for one in text) + '"'


def house_with(section: str = "", key: str = "", value: str = "") -> str:
    """Settings file of a house, with one setting more or otherwise."""
    tables: dict[str, dict[str, str]] = {
        "company": {"domains": '["company.example"]', "hostname": '"mx.company.example"'},
        "database": {"url": '"sqlite:///mailroom.db"'},
        "spool": {"directory": '"spool"'},
    }
    if section:
        tables.setdefault(section, {})[key] = value
    return "".join(f"[{name}]\n" + "".join(f"{one} = {said}\n" for one, said in keys.items()) for name, keys in tables.items())


def test_the_value_of_every_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file, tried = tmp_path / "mailroom.toml", {}
    for number, (section, key, _) in enumerate(every_key()):
        for value in (toml_text(EVERYTHING), f"[{toml_text(EVERYTHING)}]")[: 2 if number % OFTEN == 0 else 1]:
            file.write_text(house_with(section, key, value))
            tried[f"{section}.{key} = {value[:2]}"] = run_in_terminal("--config", str(file), "settings", "--check").printed
        if number % OFTEN:
            continue
        with monkeypatch.context() as patch:
            file.write_text(house_with())
            patch.setenv(f"MAILROOM_{section}__{key}".upper(), TYPED)
            tried[f"${section}.{key}"] = run_in_terminal("--config", str(file), "settings", "--check").printed
    for text in (f"[{toml_text(EVERYTHING)}]\na = 1\n", f"[company]\n{toml_text(EVERYTHING)} = 1\n", EVERYTHING):
        file.write_text(text)
        tried[text[:9]] = run_in_terminal("--config", str(file), "settings", "--check").printed
    file.write_bytes(BYTES)
    tried["bytes"] = run_in_terminal("--config", str(file), "settings", "--check").printed
    assert sum(MARK.encode() in printed for printed in tried.values()) > 100
    assert_nothing_obeyed(tried)


@pytest.fixture
def directory_server() -> Iterator[Slapd]:
    """A company's directory in which each name is an attack, and one entry for each way to be refused."""
    hostile = {"cn": EVERYTHING, "departmentNumber": EVERYTHING}
    people = [
        person("ana", **hostile),
        person("bo", mail=[f"bo@{quote(EVERYTHING)[:30]}.example", "bo@company.example"], **hostile),
        person("cy", mail=[f'"{EVERYTHING[:200]}"@company.example', f"{EVERYTHING[:300]}@company.example"], **hostile),
        person("di", manager=f"uid={quote(MARK)},{PEOPLE}", secretary=f"uid=ana,{PEOPLE}", **hostile),
    ]
    with start_slapd(ldif(*people, group("all", "ana", "bo", mail="all@company.example", description=EVERYTHING))) as server:
        yield server


@pytest.mark.peers
def test_a_hostile_directory(directory_server: Slapd, shell: Shell, config: Path, tmp_path: Path) -> None:
    lines = directory_server.write_settings(tmp_path, "ana@company.example")
    config.write_text(config.read_text().replace(f'file = "{tmp_path}/company.toml"', lines))
    tried = {}
    for words in ("sync --dry-run", "sync --dry-run --json", "sync --confirm", "people ana", "people", "sync"):
        tried[words] = run_in_terminal("--config", str(config), *words.split()).printed
    assert sum(MARK.encode() in printed for printed in tried.values()) >= 3, tried
    assert_nothing_obeyed(tried)


@pytest.fixture
def server() -> Iterator[Server]:
    with serve_hostile() as found:
        yield found


@pytest.mark.parametrize("kind", [ODD, REFUSED, *map(long, (SHAPED, JUNK))])
def test_a_hostile_server(server: Server, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(remote_client, "load_authorities", cache(remote_client.load_authorities))
    server.kind = kind
    files = {
        "none": "",
        "token": "mailroom_secret\n",
        "rules": "allow good@customer.example\n",
        "script": 'if address "from" "ana@bank.example" { keep; stop; }\n',
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    names = defaultdict(lambda: ID, file="rules", wrong="rules", script="script")
    tried, marked, asks = {}, set(), asking()
    for line in [*MORE_LINES, *LINES]:
        name = max((one for one in asks if f"{line.words} ".startswith(f"{one} ")), key=len, default="")
        if kind in (REFUSED, JUNK) and name in marked:
            continue
        remote_client.compare_versions.cache_clear()
        words = shlex.split(line.words.format_map(names))
        printed = run_in_terminal("--config", "none", "--server", server.url, "--token-file", "token", *words).printed
        tried[line.words] = printed
        if MARK.encode() in printed or kind == JUNK:
            marked.add(name)
    assert_nothing_obeyed(tried)
    quiet = asks - marked
    if kind == SHAPED:
        assert quiet <= QUIET, "a new command that prints nothing of an answer stands in QUIET"
    if kind == REFUSED:
        assert quiet == WITHOUT_ANSWER


def attacking_message() -> bytes:
    """A message with attacks in raw fields, in encoded words, in file names of two forms, and in bodies."""
    word = "=?utf-8?B?" + base64.b64encode(EVERYTHING.encode()).decode() + "?="
    raw = BYTES.replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"")
    name, body = quote(EVERYTHING), base64.encodebytes(EVERYTHING.encode())
    return b"".join(
        line + b"\r\n"
        for line in (
            f"From: {word} <eve@bad.example>".encode(), f"Subject: {word} ".encode() + raw, b"X-Raw: " + raw,
            b"Message-ID: <" + raw + b"@x>",
            b"Reply-To: " + raw + b" <a@b.example>", b"List-Id: " + raw + b" <l.bad.example>", b"MIME-Version: 1.0",
            b"Content-Type: multipart/mixed; boundary=b", b"", b"--b", b"Content-Type: text/plain; charset=utf-8", b"", BYTES,
            b"--b", b"Content-Type: text/html; charset=utf-8", b"Content-Transfer-Encoding: base64", b"", body,
            b"--b", f"Content-Disposition: attachment; filename*=utf-8''{name}".encode(), b"", BYTES,
            b"--b", b'Content-Disposition: attachment; filename="' + raw + b'.pdf"', b"Content-Type: " + raw, b"", BYTES, b"--b--",
        )
    )  # fmt: skip


def test_a_message_from_the_first_command_to_its_source(
    shell: Shell, config: Path, settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reaches the SMTP server, its spool and log, then the database, and is shown in every form."""
    raw = attacking_message()
    sent = BYTES.replace(b"\r", b"").replace(b"\n", b"")
    tried = {}
    for formatter in (TextLines("receive"), JsonLines("receive")):
        with contextlib.closing(Terminal()) as terminal:
            with terminal.at_hand(), logged(formatter), start_receiver(settings) as receiver:
                mail = b"MAIL FROM:<a@bad.example>\r\n", b"RCPT TO:<anna@company.example>\r\n", b"DATA\r\n", raw + b".\r\n"
                replies = talk(receiver, b"EHLO c\r\n", *mail)
                for command in (b"EHLO ", b"HELO ", b"MAIL FROM:<", b"RCPT TO:<", b"AUTH ", b"XCLIENT NAME=", b""):
                    with contextlib.suppress(OSError, IndexError):
                        talk(receiver, b"EHLO c\r\n", command + sent + b">\r\n", command + EVERYTHING.replace("\n", "").encode() + b"\r\n")
            tried[type(formatter).__name__] = terminal.read_rest()
        assert replies[-1].startswith("250"), replies
    with db.transaction(engine) as session:
        about = arriving.envelope(reverse_path=f'"{EVERYTHING}"@bad.example')
        found = make_summary(raw)
        assert (MARK in found.subject, MARK in found.author_name, MARK in found.text, len(found.attachments)) == (True, True, True, 2)
        delivery = receive.receive_message(
            session, about, raw, arriving.authentication("eve@bad.example"), found, settings=settings, now=arriving.NOW
        )[0]
    one = format_id(delivery)
    monkeypatch.setenv("COLUMNS", "30000")
    for line in (
        "queue", "deliveries", "deliveries --json", "deliveries --csv", f"show {one}", f"show {one} --json", f"show {one} --headers",
        f"show {one} --source", f"trace {one}", f"trace {one} --json", "where joe.fern eve@bad.example", "audit list --json",
        f"rules explain {one}", "spool", f"release {one} --json", f"hold {one}", "decisions", "audit", "audit export",
    ):  # fmt: skip
        code, tried[line] = run_in_terminal("--config", str(config), *line.split())
        assert code in (0, 1), (line, code, tried[line])
    assert_nothing_obeyed(tried)
    for line in (f"show {one}", f"show {one} --headers", f"show {one} --source", "deliveries", f"trace {one}", "deliveries --json"):
        assert MARK.encode() in tried[line], line
    assert tried["TextLines"].count(b"\n") > 2
    assert raw in run_in_terminal("--config", str(config), "show", one, "--source", "--raw").printed


@contextlib.contextmanager
def logged(formatter: logging.Formatter) -> Iterator[None]:
    """Logs every level on standard error."""
    handler, root = logging.StreamHandler(sys.stderr), logging.getLogger()
    handler.setFormatter(formatter)
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


@pytest.mark.parametrize("formatter", [TextLines("judge"), JsonLines("judge")])
def test_log_lines(formatter: logging.Formatter) -> None:
    def log() -> None:
        with logged(formatter):
            logger = logging.getLogger("attacked")
            logger.warning("%s and %s", EVERYTHING, BYTES)
            logger.warning("%(name)s %(more)s", {"name": EVERYTHING, "more": [EVERYTHING, {EVERYTHING: EVERYTHING}]})
            logger.warning(EVERYTHING, stack_info=True)
            with contextlib.suppress(ValueError):
                raise_attack(logger)

    printed = show_in_terminal(log).printed
    assert printed.count(MARK.encode()) > 6
    assert_nothing_obeyed({"log": printed})


def raise_attack(logger: logging.Logger) -> None:
    """Log a fault and its cause, both with an attack."""
    try:
        raise KeyError(EVERYTHING)
    except KeyError as fault:
        logger.exception(EVERYTHING)
        raise ValueError(EVERYTHING) from fault


def test_faults_of_commands_threads_and_finalizers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sys.excepthook", "sys.unraisablehook", "threading.excepthook"):
        monkeypatch.setattr(name, None)
    guard_traces()
    fault = ValueError(EVERYTHING)
    fault.add_note(EVERYTHING)

    def fail() -> None:
        raise fault

    def in_thread() -> None:
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()

    ways = {
        "command": fail,
        "thread": in_thread,
        "finalizer": lambda: sys.unraisablehook(SimpleNamespace(exc_value=fault)),
        "end": lambda: sys.excepthook(ValueError, fault, None),
    }
    shown = {name: show_in_terminal(does) for name, does in ways.items()}
    assert {name: (one.code, MARK.encode() in one.printed) for name, one in shown.items()} == {
        name: (1 if name == "command" else 0, True) for name in ways
    }
    assert_nothing_obeyed({name: one.printed for name, one in shown.items()})


def test_findings_of_the_doctor(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Finding(FAIL, EVERYTHING, EVERYTHING, EVERYTHING)
    monkeypatch.setattr(doctor_command, "CHECKS", (("names", lambda _settings: iter([found])),))
    tried = {form: run_in_terminal("--config", str(config), "doctor", *form.split()).printed for form in ("", "--json", "--csv")}
    assert all(MARK.encode() in printed for printed in tried.values())
    assert_nothing_obeyed(tried)


@pytest.mark.parametrize("shell_name", ["bash", "zsh", "fish"])
def test_completion(shell_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    complete = click.shell_completion.get_completion_class(shell_name)
    assert complete is not None
    at: ShellComplete = complete(mailroom, {}, "mailroom", "_MAILROOM_COMPLETE")

    def all_commands() -> None:
        for name in commands():
            for before, begun in ((name.split(), TYPED), ([*name.split(), TYPED], "-"), ([TYPED], ""), ([*name.split(), "--state"], TYPED)):
                monkeypatch.setattr(at, "get_completion_args", lambda found=(before, begun): found)
                click.echo(at.complete())

    shown = show_in_terminal(all_commands)
    assert b"--json" in shown.printed
    assert_nothing_obeyed({shell_name: shown.printed})


def test_a_pager_that_passes_everything_on(shell: Shell, config: Path, settings: Settings, engine: Engine, tmp_path: Path) -> None:
    """A pipe gets what a terminal gets, in every form but the source: `less -r` in a terminal is attacked by nothing."""
    with db.transaction(engine) as session:
        delivery = arriving.arrive(session, settings, subject=EVERYTHING, text=EVERYTHING)[0]
    program = [sys.executable, "-P", "-m", "triage_cli", "--config", str(config), "show", format_id(delivery)]
    page = subprocess.run(program, capture_output=True, check=True)
    (tmp_path / "page").write_bytes(page.stdout)

    def look() -> None:
        environment = os.environ | {"TERM": "dumb", "LESS": "", "LINES": "9999"}
        subprocess.run(["less", "-rFXd", tmp_path / "page"], check=True, stdin=subprocess.DEVNULL, stdout=sys.stdout, env=environment)

    shown = show_in_terminal(look)
    assert MARK.encode() in shown.printed
    assert_nothing_obeyed({"pipe": page.stdout + page.stderr, "less": shown.printed.replace(b"\r", b"")})
