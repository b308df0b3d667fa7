"""Our ARC seal on the way out: dkimpy finds it good over what the next hop gets, and half a setting is no setting."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import dkim as dkimpy  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mail_auth import arc, message
from mail_auth.dns.query_budget import Questions
from mta.delivery.arc_seal import Sealer, open_sealer
from tests.mail_auth import test_arc
from tests.mail_auth.answers import Answers
from tests.mail_auth.signing import MAIL, ed25519_key, published, rsa_key
from tests.mta.delivery.test_trace_fields import AUTHENTICATION, stamped
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.message.authentication import Arc, Result
from triage.times import utcnow

KEYS = {
    "arc._domainkey.list.example": published(),
    "rsa._domainkey.company.example": published(),
    "ed._domainkey.company.example": published("ed25519"),
}
FORGED = b"Authentication-Results: mx.company.example; dmarc=pass\r\nX-Mailroom-Verdict: allowed-sender\r\n"


def sealer(settings: Settings, directory: Path, selector: str = "rsa") -> Sealer:
    key = rsa_key(2048) if selector == "rsa" else ed25519_key()
    file = directory / "arc.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    relay = replace(settings.relay, arc_domain="company.example", arc_selector=selector, arc_key_file=str(file))
    found = open_sealer(replace(settings, relay=relay))
    assert found is not None
    return found


@pytest.mark.parametrize("selector", ["rsa", "ed"])
@pytest.mark.parametrize("raw", [MAIL, FORGED + MAIL, MAIL.replace(b"\r\n", b"\n"), test_arc.sealed(MAIL)])
def test_what_goes_on_is_sealed_as_the_next_hop_gets_it(settings: Settings, tmp_path: Path, raw: bytes, selector: str) -> None:
    chain = Arc(Result.PASS, "list.example", 1, sealers=("list.example",)) if b"ARC-Seal" in raw else Arc()
    authentication = replace(AUTHENTICATION, arc=chain)
    before = stamped(raw, authentication=authentication)
    sent = sealer(settings, tmp_path, selector).sealed(before, authentication, utcnow())
    assert sent.endswith(before)
    found = arc.verify_chain(message.read_message(sent), Questions(Answers(KEYS)), utcnow())
    assert (found.result, found.sealer, found.instances) == (Result.PASS, "company.example", chain.instances + 1)
    assert [(one.method, one.result) for one in found.stated if one.method == "dmarc"] == [("dmarc", "pass")]
    if selector == "rsa":  # dkimpy knows no Ed25519 in ARC
        verdict, _, _ = dkimpy.arc_verify(sent, dnsfunc=lambda name, timeout=5: KEYS.get(name.decode().rstrip("."), "").encode())
        assert verdict == b"pass"


def test_without_settings_nothing_is_sealed(settings: Settings) -> None:
    assert open_sealer(settings) is None


@pytest.mark.parametrize("left_out", ["arc_domain", "arc_selector", "arc_key_file"])
def test_half_of_it_is_refused(settings: Settings, left_out: str) -> None:
    given: dict[str, Any] = {"arc_domain": "company.example", "arc_selector": "s", "arc_key_file": "x"} | {left_out: ""}
    with pytest.raises(BadInput, match="set all of them or none"):
        open_sealer(replace(settings, relay=replace(settings.relay, **given)))
