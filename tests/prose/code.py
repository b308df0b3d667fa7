"""Docstrings, comments and names of the code: banned words, questions, and openings that name nothing."""

import ast
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.prose.rules import QUOTED, ROOT, Fault, banned

QUESTION = re.compile(r"(?:Is|Are|Was|Were|Has|Have|Does|Do|May|Can|Must|Should) [^.?]*\?")
RIDDLE = re.compile(
    r"(?:One|Every|What|Who|Whom|Whose|Whoever|Whatever|Which|Where|Why|How|Such|These|Those|It|Its|He|They|Their|Of"
    r"|(?:Some|Every|Any|No)(?:body|thing|one))\b"
)
STRINGS_AND_COMMENTS = re.compile(
    r'''("""|\'{3})(?:\\[\s\S]|[\s\S])*?\1|"(?:\\[\s\S]|[^"\\\n])*"|\'(?:\\[\s\S]|[^\'\\\n])*\'|#(?P<comment>[^\n]*)'''
)
Definition = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
DOCTOR = "triage_cli/doctor/"  # its checks ask, and docs/reference/doctor.md lists what they ask
GENERATED = {"triage_cli/one_line_helps.py"}  # its docstring and helps are those of the commands


def faults() -> Iterator[Fault]:
    """Finds the faults in docstrings and comments of all tracked files."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    for name in sorted({*listed} - GENERATED):
        if (ROOT / name).is_file():
            yield from faults_of_source(name, (ROOT / name).read_text("utf-8"))


def faults_of_source(name: str, source: str) -> Iterator[Fault]:
    """Finds the faults in docstrings and comments of one file."""
    tree = ast.parse(source)
    defined = list(definitions(tree))
    if name.startswith(("triage/", "triage_api/", "triage_cli/", "mta/", "mailboxes/", "directory_sync/")):
        yield from (Fault(name, "plural", text, "format_count or say_count") for text in plurals_by_hand(tree))
    for identifier in () if name.startswith("migrations/") else defined_names(defined):
        yield from banned(name, identifier, "identifiers")
    said = [text for one in defined if (text := ast.get_docstring(one))]
    for text in (*said, *comments(source)):
        yield from banned(name, QUOTED.sub("“”", text), "code")
        if QUESTION.match(text) and not is_product_test(name) and not name.startswith(DOCTOR):
            yield Fault(name, "question", text, "say what is true: “Whether …”")
    for text in said:
        if RIDDLE.match(text):
            yield Fault(name, "opening", text, "name the thing, or the act: “Counts …”, “Sender of …”")


COUNTED = re.compile(
    r"\x00 (?:(?!of |more than )[a-z]+ )?(?:messages|deliveries|entries|addresses|mailboxes|people|accounts|copies|calls|events"
    r"|batches|folders|checkpoints|departments|records|bodies|senders|aliases|users|recipients|rules|files|lines)\b"
)


def plurals_by_hand(tree: ast.AST) -> Iterator[str]:
    """Yields texts with a number before a plural noun, which is wrong for one. Limits in capitals are never one."""
    chosen = {
        id(one) for node in ast.walk(tree) if isinstance(node, ast.IfExp) for half in (node.body, node.orelse) for one in ast.walk(half)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and id(node) not in chosen:
            parts = (one.value if isinstance(one, ast.Constant) else "…" if is_limit(one) else "\0" for one in node.values)
            if found := COUNTED.search("".join(map(str, parts))):
                yield found[0].replace("\0", "{n}")


def is_limit(part: ast.expr) -> bool:
    """Whether a value of a text is a constant by its name, a maximum, or a choice of words."""
    value = part.value if isinstance(part, ast.FormattedValue) else part
    name = value.id if isinstance(value, ast.Name) else value.attr if isinstance(value, ast.Attribute) else ""
    return name.isupper() or name.startswith("max_") or name == "all" or isinstance(value, ast.IfExp)


def definitions(node: ast.AST) -> Iterator[Definition]:
    """Yields a module or definition and those within its statements; expressions, most of a tree, hold none."""
    if isinstance(node, Definition):
        yield node
    for part in ("body", "orelse", "finalbody", "handlers", "cases"):
        for one in getattr(node, part, ()):
            yield from definitions(one)


def defined_names(defined: Iterable[Definition]) -> Iterator[str]:
    """Yields names of functions, classes and fields that a file defines, without tests, whose names are sentences."""
    for node in defined:
        if not isinstance(node, ast.Module) and not node.name.startswith("test_"):
            yield node.name
        if isinstance(node, ast.ClassDef):
            yield from (one.target.id for one in node.body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name))


def is_product_test(name: str) -> bool:
    """Whether a file holds tests, whose docstrings tell a story."""
    return Path(name).name.startswith(("test_", "conftest")) or name.startswith("tests/")


def comments(source: str) -> Iterator[str]:
    """Comments of a file, without their sign."""
    for found in STRINGS_AND_COMMENTS.finditer(source):
        if found["comment"] is not None:
            yield found["comment"].lstrip("#! ")
