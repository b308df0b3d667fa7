"""What an authentication proves."""

import json

import pytest

from tests.triage.arriving import ALIGNED, DMARC_FAIL, DMARC_PASS, NO_DMARC, UNKNOWN, authentication
from triage.authentication import Arc, Authentication, Dkim, Dmarc, Result, Spf, Stated

SALES = "sales@supplier.example"


@pytest.mark.parametrize(
    ("dmarc", "proof", "unknown"),
    [
        (DMARC_PASS, "dmarc", False),
        (DMARC_FAIL, "", False),
        (NO_DMARC, "", False),
        (ALIGNED, "aligned", False),
        (UNKNOWN, "", True),
        (Dmarc(Result.FAIL, "supplier.example", aligned=("spf",)), "", False),
        (Dmarc(Result.PERMERROR, "supplier.example", aligned=("spf",)), "", False),
    ],
)
def test_the_strongest_proof(dmarc: Dmarc, proof: str, unknown: bool) -> None:
    found = authentication(SALES, dmarc)
    assert (found.proof, found.unknown) == (proof, unknown)
    assert found.satisfies("dmarc") is (proof == "dmarc")
    assert found.satisfies("aligned") is bool(proof)


def test_without_one_author_nothing_is_proven() -> None:
    assert Authentication("", dmarc=DMARC_PASS).proof == ""


def test_a_pinned_signature_counts_for_its_own_domain_only() -> None:
    found = Authentication(SALES, dkim=(Dkim(Result.PASS, "lists.example"), Dkim(Result.FAIL, "other.example")))
    assert found.satisfies("dkim:lists.example")
    assert not found.satisfies("dkim:other.example")
    assert not found.satisfies("dkim:example")


@pytest.mark.parametrize(
    ("dmarc", "spf", "nothing"), [(NO_DMARC, Result.NONE, True), (NO_DMARC, Result.FAIL, False), (DMARC_FAIL, Result.NONE, False)]
)
def test_a_domain_that_publishes_nothing(dmarc: Dmarc, spf: Result, nothing: bool) -> None:
    assert authentication(SALES, dmarc, spf).publishes_nothing is nothing


def test_a_domain_that_could_not_be_asked_about_is_not_silent() -> None:
    assert not Authentication(SALES, (Spf(Result.NONE, "mailfrom", "", "behind an edge that does not name the client"),)).publishes_nothing


def test_there_and_back_through_json() -> None:
    found = Authentication(
        SALES,
        (Spf(Result.SOFTFAIL, "mailfrom", "supplier.example", "found by mx", "mx"),),
        (Dkim(Result.PASS, "supplier.example", "s1"),),
        dmarc=ALIGNED,
    )
    assert Authentication.from_json(json.loads(json.dumps(found.as_json()))) == found


def test_a_chain_there_and_back_and_from_rows_that_knew_less() -> None:
    chain = Arc(Result.PASS, "list.example", 2, "", ("a.example", "list.example"), (Stated("dmarc", "pass", "supplier.example"),))
    found = Authentication(SALES, arc=chain, questions=7)
    again = Authentication.from_json(json.loads(json.dumps(found.as_json())))
    assert (again, again.questions) == (found, 7)
    row = found.as_json()
    row["arc"] = {"result": "pass", "sealer": "list.example", "instances": 2, "reason": ""}
    del row["questions"]
    assert Authentication.from_json(row).arc == Arc(Result.PASS, "list.example", 2)
