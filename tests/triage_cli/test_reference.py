"""The pages of settings and of commands are those that the program prints."""

from pathlib import Path

from tests.triage_cli.conftest import Shell
from triage_cli import manual
from triage_cli.reference import reference


def test_the_page_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "settings.md"
    assert page.read_text("utf-8") == reference(), "run: mailroom settings > docs/settings.md"


def test_the_page_of_commands_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "cli.md"
    assert page.read_text("utf-8") == manual.page(), "run: mailroom man --markdown > docs/cli.md"


def test_the_command_prints_it(shell: Shell) -> None:
    assert "| `undo_seconds` | `10` |" in shell("settings").out


def test_settings_can_be_checked_before_anything_starts_with_them(shell: Shell, config: Path) -> None:
    assert shell("settings", "--check").code == 0
    config.write_text(config.read_text() + "\n[smtp]\nlisen = 'x'\n")
    refused = shell("settings", "--check")
    assert refused.code == 2
    assert "did you mean 'listen'" in refused.err
