"""`mailroom rules import --from`: what is understood is said first, and only --apply makes rules."""

import json
from pathlib import Path

import pytest

from tests.triage_cli.conftest import Shell

LOCAL_CF = """\ufeff# of the old gateway
whitelist_auth *@supplier.example
whitelist_from *@*.partner.example anybody@gmail.com
whitelist_from *@gmail.com
blacklist_from spam@junk.example
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Settings of the old gateway."""
    (tmp_path / "local.cf").write_text(LOCAL_CF)
    return str(tmp_path / "local.cf")


def rules(shell: Shell) -> list[tuple[str, str]]:
    """The rules that are in force."""
    return sorted((one["effect"], one["sender"]) for one in json.loads(shell("rules", "list", "--json").out))


def test_it_says_what_it_understood_and_only_apply_makes_rules(shell: Shell, file: str) -> None:
    looked = shell("rules", "import", file, "--from", "spamassassin")
    assert looked.code == 0, looked
    assert "line 2: allow supplier.example proof aligned" in looked.out
    assert "line 3 is left out: *@*.partner.example: means the subdomains only" in looked.out
    assert "line 4 is left out: *@gmail.com: " in looked.out  # the server's own reason: a whole free-mail provider
    assert "3 entries are understood, 2 left out." in looked.out
    assert "would make 3 rules" in looked.out
    assert rules(shell) == []
    made = shell("rules", "import", file, "--from", "spamassassin", "--apply")
    assert (made.code, "made 3 rules" in made.out) == (1, True), made
    assert rules(shell) == [("allow", "anybody@gmail.com"), ("allow", "supplier.example"), ("block", "spam@junk.example")]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--apply"], "--apply needs --from"),
        (["--from", "csv", "--apply", "--dry-run"], "--apply needs --from"),
        (["--from", "csv"], "names no column of the sender"),
    ],
)
def test_what_does_not_fit_is_refused(shell: Shell, file: str, words: list[str], says: str) -> None:
    refused = shell("rules", "import", file, *words)
    assert (refused.code, says in refused.err) == (2, True), refused
    assert rules(shell) == []
