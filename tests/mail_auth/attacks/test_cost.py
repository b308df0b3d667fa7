"""Hostile inputs come to an end and prove nothing; bench/mail_auth.py says in how many milliseconds."""

import pytest

from tests.mail_auth import hostile
from tests.mail_auth.attacks.attacking import CROOK
from tests.mail_auth.signing import signed
from tests.mail_auth.test_authenticate import found
from triage.message.authentication import Result

GOOD = ("20,000 fields", "fifty signatures over 1 MB", "folds in a signed field", "spaces in a signed field")  # large, but right
CANONICAL = ("one line of 80,000 spaces", "5 MB of lines of spaces", "empty lines")


@pytest.mark.parametrize("name", list(hostile.MESSAGES))
@pytest.mark.timeout(60)  # a hang guard, far above the milliseconds that it takes
def test_messages(name: str) -> None:
    result = found(hostile.MESSAGES[name](), client=CROOK)
    assert result.proof == ("dmarc" if name in GOOD or "60 times in h=" in name else "")
    assert len(result.dkim) <= 6
    assert result.questions <= 40
    if name in CANONICAL:
        assert result.dkim[0].reason == "the body was changed"  # it came to the canonical form


@pytest.mark.parametrize("name", list(hostile.ZONES))
@pytest.mark.timeout(60)
def test_zones(name: str) -> None:
    result = found(signed(), hostile.ZONES[name], client=CROOK)
    assert result.questions <= 40
    if "key" in name:
        assert (result.dkim[0].result, result.proof) == (Result.PERMERROR, "")
    elif "SPF" in name:
        assert result.spf[0].result in (Result.PERMERROR, Result.FAIL)


@pytest.mark.timeout(60)
def test_a_key_record_as_long_as_dns_allows() -> None:
    result = found(signed(), {"s._domainkey.example.com": ["v=DKIM1; p=" + "A" * 65_000, "p=" + "x;" * 32_000]}, client=CROOK)
    assert result.proof == ""
