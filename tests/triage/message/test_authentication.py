"""Proof of the author by authentication results."""

import json
from dataclasses import replace

import pytest

from tests.triage.arriving import ALIGNED, DMARC_FAIL, DMARC_PASS, NO_DMARC, UNKNOWN, authentication
from triage.message.authentication import Arc, Authentication, Dkim, Dmarc, Result, Spf, Stated

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


def test_a_list_is_proven_only_by_who_signs_that_it_is_this_list() -> None:
    found = Authentication(SALES, dkim=(Dkim(Result.PASS, "lists.example"), Dkim(Result.PASS, "groups.example", signs_list=True)))
    assert found.satisfies("dkim:groups.example", as_list=True)
    assert not found.satisfies("dkim:lists.example", as_list=True)


SAID = Stated("dmarc", "pass", "supplier.example")
CHAIN = Arc(Result.PASS, "lists.example", 1, "", ("lists.example",), (SAID,))


@pytest.mark.parametrize(
    ("chain", "met"),
    [
        (CHAIN, True),
        (replace(CHAIN, result=Result.FAIL), False),
        (replace(CHAIN, result=Result.TEMPERROR), False),
        (replace(CHAIN, sealer="other.example", sealers=("lists.example", "other.example")), False),  # sealed by somebody else since
        (replace(CHAIN, stated=()), False),
        (replace(CHAIN, stated=(Stated("dmarc", "fail", "supplier.example"),)), False),
        (replace(CHAIN, stated=(Stated("dmarc", "bestguesspass", "supplier.example"),)), False),
        (replace(CHAIN, stated=(Stated("dmarc", "pass", "evil.example"),)), False),
        (replace(CHAIN, stated=(Stated("dmarc", "pass", ""),)), False),
        (replace(CHAIN, stated=(Stated("spf", "pass", "supplier.example"),)), False),
        (replace(CHAIN, stated=(SAID, Stated("dmarc", "fail", "supplier.example"))), False),
    ],
)
def test_a_seal_counts_when_its_domain_sealed_last_and_saw_this_author_proven(chain: Arc, met: bool) -> None:
    found = Authentication(SALES, arc=chain, dmarc=DMARC_FAIL)
    assert found.satisfies("arc:lists.example") is met
    assert not found.satisfies("arc:supplier.example")
    assert not Authentication("", arc=chain).satisfies("arc:lists.example")
    assert found.awaits("arc:lists.example") is (chain.result is Result.TEMPERROR)


def test_a_seal_proves_a_list_only_where_it_says_that_it_is_this_list() -> None:
    for chain in (CHAIN, replace(CHAIN, signs_list=True)):
        assert Authentication(SALES, arc=chain).satisfies("arc:lists.example", as_list=True) is chain.signs_list


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
    chain = Arc(
        Result.PASS, "list.example", 2, "", ("a.example", "list.example"), (Stated("dmarc", "pass", "supplier.example"),), signs_list=True
    )
    found = Authentication(SALES, arc=chain, questions=7)
    again = Authentication.from_json(json.loads(json.dumps(found.as_json())))
    assert (again, again.questions) == (found, 7)
    row = found.as_json()
    row["arc"] = {"result": "pass", "sealer": "list.example", "instances": 2, "reason": ""}
    del row["questions"]
    assert Authentication.from_json(row).arc == Arc(Result.PASS, "list.example", 2)
