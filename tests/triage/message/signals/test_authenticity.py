"""Signals about the real sender of a message."""

import pytest

from tests.triage.message.signals.seeing import PROVEN, by, looked_at, seen
from triage.message.authentication import Authentication, Dkim, Dmarc, Result, Spf


@pytest.mark.parametrize(
    ("authentication", "name"),
    [
        (PROVEN, None),
        (Authentication("ann@sender.example", dmarc=Dmarc(Result.NONE, aligned=("spf",))), None),
        (Authentication("ann@sender.example", dmarc=Dmarc(Result.FAIL)), "authentication-failed"),
        (Authentication("ann@sender.example", dmarc=Dmarc(Result.TEMPERROR)), "proof-unknown"),
        (Authentication("ann@sender.example", spf=(Spf(Result.SOFTFAIL, "mailfrom", "sender.example"),)), "authentication-failed"),
        (Authentication("ann@sender.example"), "unproven"),
    ],
)
def test_what_authentication_found(authentication: Authentication, name: str | None) -> None:
    assert set(seen(authentication)) == ({name} if name else set())


def test_our_own_domain_without_proof() -> None:
    found = seen(Authentication("rosa.dahl@company.example", dmarc=Dmarc(Result.FAIL)), **by("rosa.dahl@company.example"))
    assert found["own-domain-forged"] == "Claims to come from your own domain (rosa.dahl@company.example) without proof."
    found = seen(Authentication(""), author="", authors=("x@other.example", "it@mail.company.example"))
    assert {"own-domain-forged", "unclear-author"} <= set(found)


def test_the_single_results_are_the_evidence() -> None:
    found = looked_at(
        Authentication(
            "ann@sender.example",
            spf=(Spf(Result.SOFTFAIL, "mailfrom", "mail.example"),),
            dkim=(Dkim(Result.FAIL, "sender.example"),),
            dmarc=Dmarc(Result.FAIL, "sender.example"),
        )
    )["authentication-failed"]
    assert found.evidence == ("spf=softfail mail.example", "dkim=fail sender.example", "dmarc=fail sender.example")


def test_who_is_proven_is_said() -> None:
    assert looked_at()["proven"].sentence == "Really from sender.example (DMARC)."
