"""Each language of the console knows what the server says of a mail: every sentence in the code stands in its table."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLES = sorted((ROOT / "webui" / "src" / "languages" / "server").glob("*.ts"))
SPEAKING = ("authentication", "links", "order", "policy", *(f"signals/{file.stem}" for file in (ROOT / "triage" / "signals").glob("*.py")))
SAID_BY = {"Signal": 1, "Reason": 2, "Deception": 1, "Verdict": 2}  # which argument is the sentence


def pieces(node: ast.expr | None) -> list[str]:
    """The words of a sentence between its values; nothing where it is no sentence."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]


def spoken(node: ast.AST, module: str) -> list[ast.expr | None]:
    """What of this may be a sentence."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAID_BY:
        given = [*node.args, *(one.value for one in node.keywords)]
        return [*given[SAID_BY[node.func.id] : SAID_BY[node.func.id] + 1]]
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in ("reason", "words"):
        return [node.value]
    return [node.value] if isinstance(node, ast.Return) and module in ("authentication", "policy") else []


def sentences(module: str) -> Iterator[list[str]]:
    """What a module says: in its verdicts, signals and the like, and what they are put together from."""
    for node in ast.walk(ast.parse((ROOT / "triage" / f"{module}.py").read_text("utf-8"))):
        yield from map(pieces, spoken(node, module))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.stem)
def test_every_sentence_is_known(table: Path) -> None:
    known = [said.replace("\\'", "'") for said in re.findall(r"^  '((?:[^'\\]|\\.)+)': '", table.read_text("utf-8"), re.MULTILINE)]
    assert len(known) > 80
    said = [max(words, key=len).strip() for module in SPEAKING for words in sentences(module) if any(" " in one.strip() for one in words)]
    assert len(said) > 70
    assert [one for one in said if not any(one in sentence for sentence in known)] == []
