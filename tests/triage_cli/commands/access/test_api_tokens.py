"""`mailroom token`: make, list, revoke."""

import json

from tests.triage_cli.conftest import Shell


def test_a_token_is_made_listed_and_revoked(shell: Shell) -> None:
    made = shell("token", "create", "nightly export", "--may", "read", "--scope", "department:it", "--json")
    shown = json.loads(made.out)
    assert shown["key"].startswith("mailroom_")
    (listed,) = json.loads(shell("token", "list", "--json").out)
    expected = {"name": "nightly export", "may": "read", "scope": "department:it", "used": "never", "state": "good"}
    assert {name: listed[name] for name in expected} == expected
    assert shown["key"] not in shell("token", "list").out
    assert shell("token", "revoke", shown["id"]).code == 0
    assert json.loads(shell("token", "list", "--json").out)[0]["state"] == "revoked"


def test_what_cannot_be_is_said(shell: Shell) -> None:
    assert shell("token", "create", "x", "--may", "fly").code == 2
    refused = shell("token", "create", "x", "--may", "read", "--scope", "department:nowhere")
    assert (refused.code, "there is no department “nowhere”" in refused.err) == (2, True)
    assert shell("token", "revoke", "0" * 13).code == 1
