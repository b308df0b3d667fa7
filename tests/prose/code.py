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
    defined = list(definitions(ast.parse(source)))
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
