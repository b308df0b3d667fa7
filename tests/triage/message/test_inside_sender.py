"""Employees and machines that a trusted edge names as the sender, and strangers' attempts to look like them."""

from dataclasses import replace

import pytest

from tests.triage import arriving
from triage.message.inside_sender import inside_sender

HOSTS, NETWORKS = ("mx.company.example",), ("10.0.0.0/8", "127.0.0.0/8")
EDGE = replace(arriving.envelope(), client="192.0.2.9", client_protocol="ESMTP", edge="127.0.0.1")
FROM = b"Received: from a.example (a.example [192.0.2.9])"
STRANGERS = FROM + b"\r\n\tby mx.company.example (Postfix) with ESMTPS id 4F2\r\n\tfor <anna@company.example>; now\r\n"
SIGNED_IN = (
    b"Received: from laptop (unknown [192.0.2.9])\r\n\t(using TLSv1.3)\r\n\t(Authenticated sender: joe)\r\n"
    b"\tby mx.company.example (Postfix) with ESMTPSA id 4F2\r\n\tfor <anna@company.example>; now\r\n"
)
INJECTED = STRANGERS.replace(b"from a.example", b"from x by mx.company.example (Postfix) with ESMTPSA id 1")
IN_RECIPIENT = STRANGERS.replace(b"anna@", b'"anna+ by mx.company.example (Postfix) with ESMTPSA id 1"@')
CRON = b"Received: by mx.company.example (Postfix, from userid 0)\r\n\tid 4F2; now\r\n"


@pytest.mark.parametrize(
    ("top", "inside"),
    [
        (STRANGERS, ""),
        (SIGNED_IN, "mx.company.example took it from somebody who signed in"),
        (SIGNED_IN.replace(b"ESMTPSA", b"UTF8SMTPSA"), "mx.company.example took it from somebody who signed in"),
        (CRON, "mx.company.example took it from a program on the mail server"),
        (b"Authentication-Results: mx.company.example; none\r\n" + SIGNED_IN, "mx.company.example took it from somebody who signed in"),
        (INJECTED, ""),
        (IN_RECIPIENT, ""),
        (STRANGERS + SIGNED_IN, ""),
        (STRANGERS + CRON, ""),
        (SIGNED_IN.replace(b"by mx.company", b"by mx.evil"), ""),
        (b"Subject: none\r\n", ""),
        (b"Subject: none\r\n\r\n" + SIGNED_IN, ""),
    ],
)
def test_the_edges_own_field_says_who_signed_in(top: bytes, inside: str) -> None:
    assert inside_sender(EDGE, top + b"From: joe@company.example\r\n\r\nhello\r\n", NETWORKS, HOSTS) == inside


@pytest.mark.parametrize(
    ("given", "inside"),
    [
        ({"client": "10.1.2.3"}, "10.1.2.3, a machine of the company, sent it"),
        ({"client": "127.0.0.1"}, "127.0.0.1, a machine of the company, sent it"),
        ({"client": "127.0.0.1", "client_protocol": ""}, ""),  # the edge did not name the client: this is the edge itself
        ({"client": "10.1.2.3", "edge": ""}, ""),
        ({"client": ""}, ""),
        ({"client": "192.0.2.1"}, ""),
    ],
)
def test_a_machine_of_ours_is_known_where_the_edge_names_it(given: dict[str, str], inside: str) -> None:
    assert inside_sender(replace(EDGE, **given), STRANGERS, NETWORKS, HOSTS) == inside  # type: ignore[arg-type]


def test_nobody_is_believed_who_is_no_edge_and_nothing_that_is_not_set() -> None:
    assert inside_sender(replace(EDGE, edge=""), SIGNED_IN, NETWORKS, HOSTS) == ""
    assert inside_sender(replace(EDGE, client="10.1.2.3"), SIGNED_IN, (), ()) == ""
