"""Values of settings as administrators see them: as text, without passwords."""

from pathlib import Path
from typing import Any

import pytest

from triage.config.settings_values import write_value
from triage.config.webhooks import Hook

VALUES: list[tuple[Any, str]] = [
    (True, "true"),
    (30, "30"),
    (Path("var/spool"), "var/spool"),
    (("a.example", "b.example"), "a.example, b.example"),
    ((("not-wanted", "No."),), "not-wanted: No."),
    ((Hook("chat", url="https://chat.example/secret"), Hook("siem")), "chat, siem"),
    ("postgresql://triage@db.example/mailroom", "postgresql://triage@db.example/mailroom"),
    ("postgresql://triage:p@ss/word@db.example/mailroom", "postgresql://triage:…@db.example/mailroom"),
    ("postgresql://db.example/mailroom?user=x&password=secret", "postgresql://db.example/mailroom?user=…&password=…"),
    ("host=db.example password=secret dbname=mailroom", "host=db.example password=… dbname=mailroom"),
    ("http://127.0.0.1:11334", "http://127.0.0.1:11334"),
    ("smtp://inner.company.example:25", "smtp://inner.company.example:25"),
    (("sales=smtp://user:secret@hop.example",), "sales=smtp://user:…@hop.example"),
]


@pytest.mark.parametrize(("value", "text"), VALUES, ids=[text for _, text in VALUES])
def test_a_value_is_shown_without_its_password(value: Any, text: str) -> None:
    assert write_value(value) == text
