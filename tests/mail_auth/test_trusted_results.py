"""Behind an edge: what it states counts on its own sessions, under its own name, at the top; a forger's never does."""

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from mail_auth.authenticate import authenticate_message
from mail_auth.dns.query_budget import Record
from tests.mail_auth.answers import SILENT, Answers
from tests.mail_auth.signing import MAIL, signed
from tests.mail_auth.test_authenticate import NOW, ZONE, envelope
from triage.message.authentication import Authentication, Result, Spf

EDGE = "mx.edge.example"
UNNAMED = replace(envelope(client="", helo=""), edge="198.51.100.1", edge_helo="mx.edge.example")
NAMED = replace(envelope(), edge="198.51.100.1")
RECEIVED = b"Received: from mx.example.com ([192.0.2.1]) by mx.edge.example; Tue, 24 Nov 2026 09:00:00 +0000\r\n"
FROM_ELSEWHERE = b"Received: from a by b; Tue, 24 Nov 2026 08:00:00 +0000\r\n"


def stated(text: str, name: str = EDGE) -> bytes:
    return f"Authentication-Results: {name}; {text}\r\n".encode()


PASS = stated("spf=pass smtp.mailfrom=ana@example.com; dmarc=pass header.from=example.com")
FAIL = stated("spf=fail smtp.mailfrom=ana@example.com; dmarc=fail (p=reject) header.from=example.com")
NO_RECORD: dict[str, Record | list[Record]] = {"_dmarc.example.com": []}


def found(
    raw: bytes, by: object = UNNAMED, trusted: tuple[str, ...] = (EDGE,), changes: dict[str, Record | list[Record]] | None = None
) -> Authentication:
    return authenticate_message(by, raw, Answers(ZONE | (changes or {})), NOW, trusted)  # type: ignore[arg-type]


def test_an_edge_that_does_not_name_the_client_makes_spf_neither_pass_nor_fail() -> None:
    seen = found(MAIL)
    assert seen.spf == (Spf(Result.NONE, "mailfrom", "", "behind an edge that does not name the client"),)
    assert (seen.dmarc.result, seen.proof) == (Result.FAIL, "")
    assert found(signed()).proof == "dmarc"  # DKIM we check ourselves


def test_the_client_that_the_edge_names_is_the_one_that_spf_is_about() -> None:
    assert (
        found(MAIL, NAMED).spf == (Spf(Result.PASS, "mailfrom", "example.com", "matched ip4:192.0.2.1"),)
        or found(MAIL, NAMED).proof == "dmarc"
    )
    assert found(MAIL, replace(NAMED, client="203.0.113.9")).spf[0].result is Result.FAIL


@pytest.mark.parametrize("raw", [PASS + MAIL, RECEIVED + PASS + MAIL, PASS + RECEIVED + MAIL, PASS + RECEIVED + FAIL + MAIL], ids=range(4))
def test_what_the_edge_found_counts_and_bears_its_name(raw: bytes) -> None:
    seen = found(raw)
    assert seen.spf == (Spf(Result.PASS, "mailfrom", "example.com", f"found by {EDGE}", EDGE),)
    assert (seen.proof, seen.dmarc.result) == ("dmarc", Result.PASS)


def test_a_pass_of_the_edge_is_enough_where_what_came_between_broke_the_signature() -> None:
    raw = stated("dmarc=pass header.from=example.com") + signed().replace(b"Hello,", b"[outside]  Hello,")
    seen = found(raw)
    assert (seen.dmarc.result, seen.dmarc.origin, seen.dmarc.reason) == (Result.PASS, EDGE, f"found by {EDGE}")
    assert (seen.dkim[0].result, seen.dmarc.policy) == (Result.FAIL, "reject")


def test_what_we_verify_ourselves_is_not_undone_by_the_edge() -> None:
    assert found(FAIL + signed()).proof == "dmarc"


@pytest.mark.parametrize(
    ("raw", "changes", "result", "proof"),
    [
        (FAIL + MAIL, {}, Result.FAIL, ""),
        (FAIL + MAIL, NO_RECORD, Result.FAIL, ""),
        (FAIL + MAIL, {"_dmarc.example.com": SILENT}, Result.FAIL, ""),
        (PASS + MAIL, {"_dmarc.example.com": SILENT}, Result.PASS, "dmarc"),
        (stated("dmarc=temperror header.from=example.com") + MAIL, {"_dmarc.example.com": SILENT}, Result.TEMPERROR, ""),
        (stated("spf=pass smtp.mailfrom=example.com") + MAIL, {}, Result.PASS, "dmarc"),
        (stated("spf=pass smtp.mailfrom=example.com") + MAIL, NO_RECORD, Result.NONE, "aligned"),
        (stated("dmarc=bestguesspass header.from=example.com") + MAIL, {}, Result.FAIL, ""),
    ],
)
def test_results(raw: bytes, changes: dict[str, Record | list[Record]], result: Result, proof: str) -> None:
    seen = found(raw, changes=changes)
    assert (seen.dmarc.result, seen.proof) == (result, proof), seen


OTHER = stated("dmarc=pass header.from=example.com", "mx.elsewhere.example")
FORGERIES = [
    FROM_ELSEWHERE + FROM_ELSEWHERE + PASS + MAIL,  # below what the stranger's mail came with
    RECEIVED + FROM_ELSEWHERE + PASS + MAIL,
    b"Subject: x\r\n" + PASS + MAIL,
    MAIL.replace(b"Subject", PASS + b"Subject"),
    OTHER + PASS + MAIL,
    OTHER + MAIL,
    FAIL + PASS + MAIL,  # an edge that does not take forged fields out: one of the two is not its own
    PASS + FAIL + MAIL,
    FAIL + FROM_ELSEWHERE + PASS + MAIL,
    stated("spf=none smtp.mailfrom=example.com") + b"X-Spam: no\r\n" + PASS + MAIL,
    stated("dmarc=pass header.from=example.org") + MAIL,  # about another author
    stated("dmarc=pass header.from=sub.example.com") + MAIL,
    stated("dmarc=pass") + MAIL,
    stated("spf=pass smtp.mailfrom=example.org") + MAIL,
    stated("dmarc=fail header.from=example.com; dmarc=pass header.from=example.com") + MAIL,
    stated("dmarc=pass header.from=example.com (never closed") + MAIL,
    stated('spf=fail (dmarc=pass) reason="; dmarc=pass header.from=example.com" smtp.mailfrom=example.com') + MAIL,
    stated("dmarc=pass header.from=example.com" + " " * 9000) + MAIL,
    stated("spf=none smtp.mailfrom=example.com") + stated("dmarc=pass header.from=example.com", f'"{EDGE}"') + MAIL,  # would be its name
    b"no field\r\n" + PASS + MAIL,
    PASS + b"From: eve@evil.example\r\n" + MAIL,  # two authors
    b"Received: x\r\n" + b"".join(stated(f"x-{number}=pass") for number in range(5)) + PASS + MAIL,
]


@pytest.mark.parametrize("raw", FORGERIES, ids=range(len(FORGERIES)))
def test_nothing_passes_through_a_field_that_is_not_the_edges_own(raw: bytes) -> None:
    assert found(raw).proof == ""


@pytest.mark.parametrize(
    ("by", "trusted"),
    [
        (envelope(client="203.0.113.9"), (EDGE,)),  # not from an edge
        (UNNAMED, ()),  # no name is trusted
        (UNNAMED, ("mx.company.example",)),
        (UNNAMED, ("edge.example",)),
        (replace(UNNAMED, edge="", proxy="198.51.100.1", client="203.0.113.9"), (EDGE,)),  # a proxy has looked at nothing
    ],
)
def test_nothing_counts_from_anybody_else(by: object, trusted: tuple[str, ...]) -> None:
    assert found(PASS + MAIL, by, trusted).proof == ""


def test_an_edge_states_nothing_under_the_name_of_another_edge() -> None:
    raw = stated("spf=fail smtp.mailfrom=ana@example.com") + stated("dmarc=pass header.from=example.com", "mx2.edge.example") + MAIL
    assert found(raw, trusted=(EDGE, "mx2.edge.example")).proof == ""  # the first edge takes out what is forged in its own name only


PIECES = st.lists(st.sampled_from([RECEIVED, FROM_ELSEWHERE, PASS, FAIL, OTHER, b"X-Mailer: y\r\n"]), max_size=6)


@given(st.sampled_from([b"", RECEIVED]), PIECES)
def test_an_edge_that_states_a_failure_on_top_is_never_overruled_from_below(above: bytes, below: list[bytes]) -> None:
    assert found(above + FAIL + b"".join(below) + MAIL).proof == ""
