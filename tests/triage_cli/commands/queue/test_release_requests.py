"""`mailroom ask` and `mailroom requests`."""

import json

from tests.triage_cli.conftest import Arrives, Shell


def test_ask_list_decline(shell: Shell, arrives: Arrives) -> None:
    mail = arrives(author="hotel@inn.example", subject="Your \x1b[31mbooking")
    said = shell("ask", mail, "--comment", "he called")
    request = said.out.partition(" ")[0]
    assert (said.code, said.out) == (0, f"{request} waits for an answer\n")
    (row,) = json.loads(shell("requests", "list", "--json").out)
    assert (row["id"], row["by"], row["delivery"], row["state"], row["comment"]) == (request, "Joe Fern", mail, "held", "he called")
    assert "Your \\x1b[31mbooking" in shell("requests", "list").out
    assert shell("requests", "decline", request, "--reason", "spam").out == "declined\n"
    refused = shell("requests", "decline", request)
    assert (refused.code, "is already answered" in refused.err) == (1, True)
    assert shell("requests", "list").out == ""
