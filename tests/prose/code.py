"""Docstrings, comments and names of the code: banned words, questions, and openings that name nothing."""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

from tests.prose.rules import QUOTED, ROOT, Fault, banned

QUESTION = re.compile(r"(?:Is|Are|Was|Were|Has|Have|Does|Do|May|Can|Must|Should) [^.?]*\?")
RIDDLE = re.compile(
    r"(?:One|Every|What|Who|Whom|Whose|Whoever|Whatever|Which|Where|Why|How|Such|These|Those|It|Its|He|They|Their|Of"
    r"|(?:Some|Every|Any|No)(?:body|thing|one))\b"
)
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
    for identifier in () if name.startswith("migrations/") else defined_names(tree):
        yield from banned(name, identifier, "identifiers")
    for text in (*docstrings(tree), *comments(source)):
        yield from banned(name, QUOTED.sub("“”", text), "code")
        if QUESTION.match(text) and not is_product_test(name) and not name.startswith(DOCTOR):
            yield Fault(name, "question", text, "say what is true: “Whether …”")
    for text in docstrings(tree):
        if RIDDLE.match(text):
            yield Fault(name, "opening", text, "name the thing, or the act: “Counts …”, “Sender of …”")


def defined_names(tree: ast.Module) -> Iterator[str]:
    """Yields names of functions, classes and fields that a file defines, without tests, whose names are sentences."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and not node.name.startswith("test_"):
            yield node.name
        if isinstance(node, ast.ClassDef):
            yield from (one.target.id for one in node.body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name))


def is_product_test(name: str) -> bool:
    """Whether a file holds tests, whose docstrings tell a story."""
    return Path(name).name.startswith(("test_", "conftest")) or name.startswith("tests/")


def docstrings(tree: ast.Module) -> Iterator[str]:
    """Docstrings of a module, its classes and functions."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and (said := ast.get_docstring(node)):
            yield said


def comments(source: str) -> Iterator[str]:
    """Comments of a file, without their sign."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string.lstrip("#! ")
