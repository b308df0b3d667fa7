"""The docs: a site without a warning, links that lead somewhere, a reference that cannot drift."""

import itertools
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.parsers import expat

import click
import pytest
import yaml

from tests import reference
from tests.prose import markdown
from triage.config.settings import every_key
from triage.config.settings_loader import settings_of
from triage.errors import BadInput
from triage_cli.main import mailroom

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
MADE = {DOCS / "reference" / "cli.md", ROOT / "CHANGELOG.md"}  # of the commands themselves; of what was once
TEXTS = sorted({*ROOT.glob("*.md"), *DOCS.rglob("*.md")} - MADE)
TYPED = [*TEXTS, ROOT / "deploy" / "prometheus" / "mailroom.rules.yml"]
COMMAND = re.compile(r"(?:`|^ *(?:[a-z/]*/)?|: |&& )mailroom ([a-z-]+)((?: (?!#)[^\s`;&|)]+)*)", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
CLAIM = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
WRITTEN = [
    ROOT / "README.md",
    *(path for section in ("tutorial", "how-to", "reference", "explanation") for path in sorted((DOCS / section).glob("*.md"))),
]
BEFORE = {"sudo", "docker", "podman", "kubectl", "env", "runuser", "systemd-run", "exec"}  # programs that run the command behind them
UNREAD = {"", "text", "ini", "http", "powershell"}
NEEDED: dict[str, dict[str, Any]] = {  # of every settings file
    "company": {"domains": ["company.example"], "hostname": "mx.company.example"},
    "database": {"url": "sqlite:///mailroom.db"},
    "spool": {"directory": "spool"},
    "relay": {"next_hop": "lmtp://127.0.0.1:24"},
    "directory": {"file": "company.toml"},
}


NAMED = re.compile(r"`((?:tests|deploy|triage|triage_cli|mta|mailboxes|docs)/(?!.*VERSION)[\w./@-]+)`")  # a file or folder of ours
KEPT = re.compile(r"^\|.*\| `(?:\[(\w+)\] )?(\w+_days)` \| ([\d,]+) \|$", re.MULTILINE)  # a setting and its default


def built(place: Path, page: str = "") -> subprocess.CompletedProcess[str]:
    """The site of a copy of the docs, where quick-start.md says this too."""
    shutil.copytree(DOCS, place / "docs")
    shutil.copy(ROOT / "zensical.toml", place)
    with (place / "docs" / "tutorial" / "quick-start.md").open("a") as opened:
        opened.write(page)
    program = Path(sys.executable).parent / "zensical"
    return subprocess.run([program, "build", "--strict", "--clean"], cwd=place, capture_output=True, text=True, check=False)


def test_the_site_builds_without_a_warning_and_fetches_nothing_from_elsewhere(tmp_path: Path) -> None:
    done = built(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = list((tmp_path / "var" / "site").rglob("*.html"))
    assert len(pages) > 70
    loaded = re.compile(r'<(?:script|img|link)[^>]+(?:src|href)="?https?:')
    assert [page.name for page in pages if loaded.search(page.read_text("utf-8"))] == []


# `make prose` finds both without a build (tests/prose)
@pytest.mark.long
@pytest.mark.parametrize("page", ["\n[gone](gone.md)\n", "\n[gone](../how-to/edge-servers.md#gone)\n"])
def test_a_link_that_leads_nowhere_ends_the_build(tmp_path: Path, page: str) -> None:
    assert built(tmp_path, page).returncode != 0


def test_links_lead_to_files() -> None:
    links = {path: LINK.findall(path.read_text("utf-8")) for path in (*ROOT.glob("*.md"), *DOCS.rglob("*.md"))}
    assert guilty({path: [target for target in found if not (path.parent / target).exists()] for path, found in links.items()}) == {}


def guilty(faults: Mapping[Path, Iterable[str]]) -> dict[str, list[str]]:
    """The files with a fault, by name, with what is wrong."""
    return {str(path.relative_to(ROOT)): sorted(found) for path, found in faults.items() if found}


def test_files_that_are_named_are_there() -> None:
    """The tests among them that show what keeps a threat away (docs/explanation/security.md)."""
    named = {path: NAMED.findall(path.read_text("utf-8")) for path in TEXTS if path.parent.name != "decisions"}
    assert guilty({path: [name for name in names if not (ROOT / name).exists()] for path, names in named.items()}) == {}


@pytest.mark.parametrize("page", ["explanation/security.md", "reference/asvs.md"])
def test_each_promise_of_a_page_about_security_names_a_test_that_is_there(page: str) -> None:
    claims = CLAIM.findall((DOCS / page).read_text("utf-8"))
    assert len(claims) > 40
    assert [f"{file}::{name}" for file, name in claims if not re.search(rf"\bdef {name}\(", text_of(ROOT / file))] == []


def test_each_defence_against_a_threat_names_a_test() -> None:
    threats = (DOCS / "explanation" / "security.md").read_text("utf-8").split("## Threats and defences")[1].split("\n## ")[0]
    rows = [row for row in threats.splitlines() if row.startswith("| ")][1:]
    assert len(rows) > 30
    assert [row for row in rows if not CLAIM.search(row)] == []


def text_of(path: Path) -> str:
    """A file's text; "" where there is none."""
    return path.read_text("utf-8") if path.exists() else ""


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_blocks_can_be_typed(path: Path) -> None:
    faults = [
        f"{language}: {why}: {text[:60]!r}" for language, text in markdown.read(path).blocks if (why := fault_of_block(language, text))
    ]
    assert faults == []


def fault_of_block(language: str, text: str) -> str:
    """Reason why a code block cannot be used literally; "" where it can, or where no program here reads that language."""
    try:
        if language == "toml":
            settings_of({**NEEDED, **{name: {**NEEDED.get(name, {}), **given} for name, given in tomllib.loads(text).items()}}, "")
        elif language == "json":
            json.loads(text)
        elif language == "python":
            compile(text, "", "exec")
        elif language == "xml":
            expat.ParserCreate().Parse(text, True)
        elif language == "yaml":
            yaml.safe_load(text)
        elif language == "sh":
            return subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False).stderr
        elif language not in UNREAD:
            return "no language of ours"
    except (BadInput, ValueError, SyntaxError, expat.ExpatError, yaml.YAMLError) as fault:
        return str(fault)
    return ""


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("toml", "[smtp]\nlisen = 'x'"),
        ("toml", "[policy]\nvirus = 'eat'"),
        ("json", "{'a': 1}"),
        ("xml", "<a>"),
        ("yaml", "a: ["),
        ("sh", "if x; then"),
        ("console", "x"),
    ],
)
def test_a_block_that_cannot_be_used_is_found(language: str, text: str) -> None:
    assert fault_of_block(language, text)


def test_the_page_about_time_tells_the_defaults() -> None:
    told = {
        (section or "retention", name): int(days.replace(",", ""))
        for section, name, days in KEPT.findall((DOCS / "how-to" / "retention-and-privacy.md").read_text("utf-8"))
    }
    defaults = {(section, one.name): one.default for section, _, one in every_key()}
    assert told == {key: defaults[key] for key in told}
    assert {key for key, days in defaults.items() if key[0] == "retention" and not isinstance(days, bool)} <= told.keys()


def test_commands_and_their_options_can_be_typed() -> None:
    typed = {path: {" ".join(found) for found in COMMAND.findall(path.read_text("utf-8"))} for path in TYPED}
    assert (
        guilty({path: [f"{words}: {fault}" for words in found if (fault := unknown(words.split()))] for path, found in typed.items()}) == {}
    )


def unknown(words: list[str]) -> str:
    """The word that is no command, or the option that it has not; "" when all can be typed."""
    node: click.Command | None = mailroom
    while isinstance(node, click.Group) and words and re.fullmatch(r"[a-z][a-z-]+", words[0]):
        if (node := node.get_command(click.Context(node), words[0])) is None:
            return words[0]
        words = words[1:]
    known = {option for parameter in (node.params if node else ()) for option in parameter.opts}
    given = (re.match(r"--[a-z-]+", word) for word in words)
    return next((option[0] for option in given if option and option[0] not in {*known, "--help"}), "")


@pytest.mark.parametrize(("words", "fault"), [("db upgrade", ""), ("db upgrad", "upgrad"), ("resume --dry-rum", "--dry-rum"), ("api", "")])
def test_what_cannot_be_typed_is_found(words: str, fault: str) -> None:
    assert unknown(words.split()) == fault


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_of_shell_blocks_can_be_typed_as_a_whole(path: Path) -> None:
    blocks = [text for language, text in markdown.read(path).blocks if language == "sh"]
    assert [f"{' '.join(words)}: {fault}" for text in blocks for words in typed_commands(text) if (fault := fault_of_command(words))] == []


def typed_commands(text: str) -> Iterator[list[str]]:
    """Yields the words behind each `mailroom` that a shell block runs, also behind sudo, docker or a variable."""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        words = shlex.shlex(line, posix=True, punctuation_chars=True)
        words.whitespace_split = True
        for is_end, some in itertools.groupby(words, key=lambda word: set(word) <= set("();<>|&")):
            found = list(some)
            at = [place for place, word in enumerate(found) if word.rpartition("/")[2] == "mailroom" and "." not in word.rpartition("/")[2]]
            if not is_end and at and (at[-1] == 0 or found[0] in BEFORE or "=" in found[0]):
                yield found[at[-1] + 1 :]


def fault_of_command(words: list[str]) -> str:
    """Reason why these words after `mailroom` cannot be typed: a command, option, value or number of arguments that there is not."""
    node: click.Command = mailroom
    context = click.Context(node)
    while True:
        parser = node.make_parser(context)
        parser.allow_interspersed_args = not isinstance(node, click.Group)
        try:
            values, words, _ = parser.parse_args(list(words))
        except click.UsageError as fault:
            return fault.format_message()
        for parameter in node.params:
            given = values.get(parameter.name or "")
            texts = (
                [given]
                if isinstance(given, str)
                else [one for one in given if isinstance(one, str)]
                if isinstance(given, list | tuple)
                else []
            )
            known = parameter.type.choices if isinstance(parameter.type, click.Choice) else texts
            if wrong := [one for one in texts if one.islower() and one not in known]:
                return f"{parameter.name} {wrong[0]}"
            if isinstance(parameter, click.Argument) and parameter.required and not texts:
                return f"{parameter.name} is missing"
        if not isinstance(node, click.Group) or not words:
            return " ".join(words)
        below = node.get_command(context, words[0])
        if below is None:
            return words[0]
        node, context, words = below, click.Context(below, parent=context), words[1:]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("mailroom staf add x", "staf"),
        ("sudo -u mailroom mailroom --config x.toml db upgrad", "upgrad"),
        ("docker compose exec mailroom mailroom db upgrade && mailroom doctr", "doctr"),
        ("mailroom release ID \\\n    --reson x", "--reson"),
        ("mailroom staff add anna --role admim --scope company", "admim"),
        ("mailroom staff add", "missing"),
        ("mailroom db upgrade now", "now"),
        ("MAILROOM_CONFIG=x.toml mailroom deliveries --state held | wc -l  # all of them", ""),
    ],
)
def test_a_command_of_a_shell_block_that_cannot_be_typed_is_found(line: str, fault: str) -> None:
    found = "".join(fault_of_command(words) for words in typed_commands(line))
    assert fault in found
    assert bool(fault) == bool(found)


@pytest.mark.parametrize(("name", "made"), reference.PAGES.items())
def test_the_reference_is_what_the_code_says(name: str, made: Callable[[], str]) -> None:
    assert (reference.DOCS / name).read_text("utf-8") == made(), "make reference"


def test_a_log_line_about_one_mail_names_it_as_a_field() -> None:
    """So that one message can be followed through all roles ([logs] format = "json")."""
    said = [event for room in reference.ROOMS for path in sorted((ROOT / room).rglob("*.py")) for event in reference.events_of(path)]
    assert [event for event in said if re.search(r"\b(?:message|delivery) …", event.sentence)] == []
