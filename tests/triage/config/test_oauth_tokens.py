"""Sources of OAuth tokens, and the errors when there is none."""

from pathlib import Path

import pytest

from triage.config.oauth_tokens import NoToken, current_token


def test_from_a_file_before_a_command(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("of the file\n")
    assert current_token(str(file), "echo of the command", "anna", 30) == "of the file"
    assert current_token("", "echo of {user} 'and the {user}'", "anna", 30) == "of anna and the anna"


@pytest.mark.parametrize(
    ("file", "command", "says"),
    [
        ("", "", "token_file or token_command is missing"),
        ("/nonexistent/token", "", "token_file /nonexistent/token cannot be read: No such file"),
        ("", "false", "token_command gave no token: "),
        ("", "/nonexistent/command", "token_command gave no token: "),
        ("", "echo 'half a quotation", "token_command gave no token: No closing quotation"),
        ("", "sleep 9", "token_command gave no token: .*timed out"),
    ],
)
def test_why_there_is_none(file: str, command: str, says: str) -> None:
    with pytest.raises(NoToken, match=f"^{says}"):
        current_token(file, command, "anna", 0.2)
