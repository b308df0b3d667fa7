"""`mailroom sieve`: a department's rules as a script, and a script as rules by the same import as any file."""

import json
from pathlib import Path

import pytest

from tests.triage_cli.conftest import Shell

SCRIPT = """require ["fileinto"];
# our bank
if address :is "from" "ana@bank.example" { keep; stop; }
if address :domain :matches "from" ["junk.example", "*.junk.example"] { discard; stop; }
"""
WRONG = SCRIPT + 'if header :contains "subject" "viagra" { discard; }\nif address "from" "boss@gone.example" { fileinto "Work"; }\n'
OURSELVES = SCRIPT + 'if address "from" "x@company.example" { discard; }\n'


def rules(shell: Shell) -> list[tuple[str, str, str, str]]:
    """The rules in force."""
    found = json.loads(shell("rules", "list", "--json").out)
    return sorted((one["effect"], one["sender"], one["scope"], one["note"]) for one in found)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A script."""
    (tmp_path / "filters.sieve").write_text(SCRIPT)
    return tmp_path / "filters.sieve"


def test_a_script_is_shown_first_and_made_by_the_import(shell: Shell, file: Path) -> None:
    looked = shell("sieve", "import", str(file), "--scope", "it", "--dry-run")
    assert looked.code == 0, looked
    assert "line 3: allow ana@bank.example for department:it proof dmarc (the script asks for no proof)" in looked.out
    assert "line 4: block junk.example for department:it" in looked.out
    assert "would make 2 rules" in looked.out
    assert rules(shell) == []
    made = shell("sieve", "import", str(file), "--scope", "it")
    assert (made.code, "made 2 rules" in made.out) == (0, True), made
    assert rules(shell) == [("allow", "ana@bank.example", "department:it", "our bank"), ("block", "junk.example", "department:it", "")]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (WRONG, [":5: no rule can ask for the field subject", ':6: rules file nothing into "Work"', "2 lines are no rule exactly"]),
        (OURSELVES, [":5: ", "is your company's own domain", "1 line is no rule exactly"]),
        ("keep", [":1: ", "is expected"]),
        ("keep;", ["has no line about a sender"]),
    ],
)
def test_one_wrong_line_and_nothing_is_made(shell: Shell, file: Path, text: str, lines: list[str]) -> None:
    file.write_text(text)
    refused = shell("sieve", "import", str(file), "--scope", "company")
    assert (refused.code, [one in refused.err for one in lines]) == (2, [True] * len(lines)), refused
    assert rules(shell) == []


def test_what_is_exported_is_read_back_as_the_rules_that_are_there(shell: Shell, file: Path) -> None:
    for line in (
        "allow .supplier.example --scope it --proof aligned",
        "block junk.example",
        "hold-sender other.example --until 2036-12-12 --reason hacked",
        "block other@else.example --scope person:mara.berg",
    ):
        assert shell(*line.split()).code == 0
    printed = shell("sieve", "it")
    assert (printed.code, "else.example" in printed.out, printed.err) == (0, False, "")
    assert printed.out == shell("sieve", "export", "it").out
    file.write_text(printed.out)
    again = shell("sieve", "import", str(file), "--scope", "company")
    assert (again.code, "made 0 rules; 3 were there already" in again.out) == (0, True), again


def test_an_unknown_department_is_named(shell: Shell) -> None:
    refused = shell("sieve", "nowhere")
    assert (refused.code, 'there is no department "nowhere" in your scope' in refused.err) == (2, True)
