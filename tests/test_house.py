"""The house stands as ARCHITECTURE.md draws it: imports, names, the state table, and files that name no machine."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.prose.code import STRINGS_AND_COMMENTS
from triage.store.delivery_state import ENTRY, TRANSITIONS

ROOT = Path(__file__).parent.parent
ROOMS = (
    "triage",
    "mail_auth",
    "mta",
    "mailboxes",
    "directory_sync",
    "identity",
    "webhooks",
    "triage_api",
    "triage_cli",
    "demo",
    "migrations",
)
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
MOST_FILES = 20
SUBJECTS = (*ROOMS, "webui/src", "tests")
LONG_LISTS = {"migrations/before_0_1", "tests/mta/dialogs"}  # one file a step, one a dialogue
NAMELESS = {"utils", "util", "common", "core", "base", "manager", "service", "helpers", "misc"}


def test_modules_say_their_duty_first_and_are_named_after_it() -> None:
    texts = {path: path.read_text("utf-8") for path in MODULES}
    silent = [path for path, text in texts.items() if text and not ast.get_docstring(ast.parse(text))]
    nameless = [path for path in MODULES if path.stem in NAMELESS]
    assert ([str(path.relative_to(ROOT)) for path in silent], nameless) == ([], []), "the first line of a module says what it is for"


def test_docstrings_comments_and_docs_name_what_is_there() -> None:
    """Paths of files, and `module.Name` with a capital letter: what was moved or renamed is found here."""
    names = tracked()
    modules = {Path(name).stem for name in names} | {part for name in names for part in Path(name).parts} | sys.stdlib_module_names
    gone = [
        f"{name}: {said}"
        for name, text in texts_that_explain(names)
        for said in re.findall(rf"(?<![\w./-])(?:{'|'.join(SUBJECTS)})/[\w./-]+\.(?:py|ts|svelte|toml|sh)\b", text)
        if not (ROOT / said).exists()
    ]
    gone += [
        f"{path.relative_to(ROOT)}: {module}.{what}"
        for path, code in ((path, path.read_text("utf-8")) for path in MODULES)
        for text in explanations(code)
        for module, what in re.findall(r"(?<![\w./@-])([a-z][a-z_]{3,})\.([A-Z]\w+)", text)
        if module not in modules and f" as {module}" not in code
    ]
    assert gone == []


def texts_that_explain(names: list[str]) -> Iterator[tuple[str, str]]:
    """Yields the pages of the docs but for decisions, which tell of their day, and what modules say of themselves."""
    for name in names:
        if name.endswith(".md") and not name.startswith("docs/decisions/"):
            yield name, (ROOT / name).read_text("utf-8")
    for path in MODULES:
        yield str(path.relative_to(ROOT)), "\n".join(explanations(path.read_text("utf-8")))


def explanations(text: str) -> list[str]:
    """Returns the comments and docstrings of a module."""
    return [one[0] for one in STRINGS_AND_COMMENTS.finditer(text) if one[0].startswith(("#", '"""'))]


def test_no_folder_holds_more_files_than_a_glance_takes_in() -> None:
    files = [Path(name) for name in tracked(*SUBJECTS)]
    counts = Counter(str(file.parent) for file in files if file.name != "__init__.py")
    assert {folder: count for folder, count in counts.items() if count > MOST_FILES and folder not in LONG_LISTS} == {}
    assert [folder for folder in LONG_LISTS if counts[folder] <= MOST_FILES] == [], "the list names what needs it"


def test_folders_of_the_console_import_in_the_order_of_its_readme() -> None:
    rows = re.findall(r"^\| (`\w+/`[^|]*) \|", (ROOT / "webui" / "README.md").read_text("utf-8"), re.MULTILINE)
    order = [folder for row in rows for folder in re.findall(r"(\w+)/", row)]
    library = ROOT / "webui" / "src" / "lib"
    assert sorted(order) == sorted(path.name for path in library.iterdir())
    upwards = [
        f"{path.relative_to(library)} imports {other}"
        for path in library.rglob("*.*")
        for other in re.findall(r"(?:from|import) '\.\./(\w+)/", path.read_text("utf-8"))
        if order.index(other) > order.index(path.parent.name)
    ]
    assert upwards == []


def tracked(*folders: str) -> list[str]:
    """Returns the names of the files that are committed or are to be; those in these folders only, when any are named."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "--", *folders]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in said.splitlines() if (ROOT / name).is_file()]


def test_the_state_table_in_the_architecture_is_the_one_that_runs() -> None:
    drawn = dict(lines(ROOT / "ARCHITECTURE.md"))
    assert {pair: after for pair, after in drawn.items() if pair[0] != "—"} == {
        (before.name, event.value): after.name for (before, event), after in TRANSITIONS.items()
    }
    assert {word for (before, _), after in drawn.items() if before == "—" for word in re.findall(r"[A-Z]+", after)} == {
        state.name for state in ENTRY
    }


def lines(document: Path) -> list[tuple[tuple[str, str], str]]:
    """The rows of the table with a state, an event and a state, one for each state before; erasing changes no state."""
    found = []
    for row in document.read_text("utf-8").splitlines():
        cells = [cell.strip().strip("`") for cell in row.strip("| ").split("|")]
        if len(cells) < 3 or not re.fullmatch(r"—|[A-Z]+(, [A-Z]+)*", cells[0]):
            continue
        for before in cells[0].split(", "):
            found.append(((before, cells[1]), before if cells[2] == "unchanged" else cells[2]))
    return found


def test_decisions_have_numbers_of_their_own_and_are_written_alike() -> None:
    files = sorted((ROOT / "docs" / "decisions").iterdir())
    numbers = [int(re.fullmatch(r"(\d{4})-.*", file.name)[1]) for file in files]  # type: ignore[index]
    assert numbers == sorted(set(numbers))  # some are given before their page is written
    for number, file in zip(numbers, files, strict=True):
        title, *heads = re.findall(r"^#+ .*$", file.read_text("utf-8"), re.MULTILINE)
        assert title.startswith(f"# {number}. "), file.name
        assert heads == ["## Context", "## Decision", "## Consequences", "## Alternatives"], file.name


def test_the_site_of_the_docs_names_every_page_once() -> None:
    docs = ROOT / "docs"
    named = sorted(pages(tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))["project"]["nav"]))
    assert named == sorted(str(path.relative_to(docs)) for path in docs.rglob("*.md"))


def pages(nav: Any) -> Iterator[str]:
    """The files that a navigation names."""
    if isinstance(nav, str):
        yield nav
    else:
        for one in nav.values() if isinstance(nav, dict) else nav:
            yield from pages(one)


def test_no_file_names_a_package_host_or_a_machine() -> None:
    """Lock files serve every index and mirror, and the tree works in every folder."""
    named = re.compile(r"pypi\.org|pythonhosted|registry\.npmjs|registry\.yarnpkg|(?<![\w.])/work/|/root/", re.IGNORECASE)
    names = [name for name in tracked() if name != "tests/test_house.py"]
    assert [name for name in names if named.search((ROOT / name).read_text("utf-8", "replace"))] == []


def test_every_locked_package_has_hashes() -> None:
    for lock in sorted((ROOT / "requirements").glob("*.txt")):
        entries = re.split(r"\n(?=[a-z])", lock.read_text())
        assert len(entries) > 5
        assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
