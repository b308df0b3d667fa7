"""Docstrings and comments of the code: banned words, questions, riddles on a module's first line."""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

from tests.prose.rules import QUOTED, ROOT, Fault, banned

QUESTION = re.compile(r"(?:Is|Are|Was|Were|Has|Have|Does|Do|May|Can|Must|Should) [^.?]*\?")
RIDDLE = re.compile(r"(?:What|Who|Whom|Whose|Whoever|Whatever|Such|Those|It|They)\b")
DOCTOR = "triage_cli/doctor/"  # its checks ask, and docs/reference/doctor.md lists what they ask
GENERATED = {"triage_cli/one_line_helps.py"}  # its docstring and helps are those of the commands


def faults() -> Iterator[Fault]:
    """What is wrong with the words about the code, over all files that are kept."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    for name in sorted({*listed} - GENERATED):
        if (ROOT / name).is_file():
            yield from faults_of_source(name, (ROOT / name).read_text("utf-8"))


def faults_of_source(name: str, source: str) -> Iterator[Fault]:
    """What is wrong with the docstrings and comments of one file."""
    tree = ast.parse(source)
    for text in (*docstrings(tree), *comments(source)):
        yield from banned(name, QUOTED.sub("“”", text), "code")
        if QUESTION.match(text) and not is_product_test(name) and not name.startswith(DOCTOR):
            yield Fault(name, "question", text, "say what is true: “Whether …”")
    head = ast.get_docstring(tree) or ""
    if not is_product_test(name) and not name.startswith("migrations/") and RIDDLE.match(head):
        yield Fault(name, "first line", head, "name the duty in words that somebody would search for")


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
