"""Checks of the sender as a table: result, domain, alignment and why."""

from dataclasses import replace

from tests.triage.arriving import DMARC_PASS, authentication
from triage.message.authentication import Arc, Authentication, Dkim, Dmarc, Result, Spf
from triage.message.authentication_table import tabulate_checks

FORGED = Authentication(
    "boss@paper.example",
    spf=(Spf(Result.PASS, "mailfrom", "bulk.example"), Spf(Result.NONE, "helo", "out.bulk.example")),
    dkim=(Dkim(Result.PASS, "bulk.example", "s2"), Dkim(Result.FAIL, "paper.example", "k1", reason="the body has changed")),
    arc=Arc(Result.FAIL, "list.example", 2, "seal 2 does not verify", ("first.example", "list.example")),
    dmarc=Dmarc(Result.FAIL, "paper.example", "paper.example", "reject"),
)


def test_a_forgery_says_which_checks_prove_nothing() -> None:
    assert [(one.method, one.result, one.domain, one.aligned, one.why) for one in tabulate_checks(FORGED)] == [
        ("SPF", "pass", "bulk.example", False, "Envelope sender. It passes for another domain than the author’s."),
        ("SPF", "none", "out.bulk.example", None, "HELO name."),
        ("DKIM", "pass", "bulk.example", False, "Selector s2. It passes for another domain than the author’s."),
        ("DKIM", "fail", "paper.example", False, "Selector k1. The body has changed."),
        ("ARC", "fail", "list.example", None, "ARC seals of first.example and list.example. Seal 2 does not verify."),
        ("DMARC", "fail", "paper.example", None, "Nothing is aligned. Policy of the domain: reject."),
    ]


def test_what_proves_the_author_is_aligned() -> None:
    dmarc = Dmarc(Result.PASS, "news.paper.example", "paper.example", "none", ("dkim",))
    signed = (Dkim(Result.PASS, "mail.paper.example", "k1"), Dkim(Result.PASS, "notpaper.example", "k2"))
    found = replace(FORGED, dkim=signed, dmarc=dmarc, arc=Arc())
    assert [(one.method, one.aligned) for one in tabulate_checks(found)] == [
        ("SPF", False), ("SPF", None), ("DKIM", True), ("DKIM", False), ("DMARC", None),
    ]  # fmt: skip
    assert tabulate_checks(found)[-1].why == "Aligned: DKIM. Policy of the domain: none."


def test_nothing_to_check_is_one_line() -> None:
    assert [one.method for one in tabulate_checks(replace(authentication("a@b.example", DMARC_PASS), spf=(), dkim=()))] == ["DMARC"]
