"""Real target of a link that a security gateway rewrote."""

import base64

import pytest

from triage.message.mime.rewritten_links import real_destination

PACKED = base64.urlsafe_b64encode(b"https://shop.example/a?b=c").decode().rstrip("=")


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("https://shop.example/plain", "shop.example"),
        ("https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fshop.example%2Fa&data=05%7C02", "shop.example"),
        ("https://urldefense.proofpoint.com/v2/url?u=https-3A__shop.example_a-2Db&d=DwMF", "shop.example"),
        ("https://urldefense.proofpoint.com/v1/url?u=http://shop.example/a&k=1", "shop.example"),
        ("https://urldefense.com/v3/__https://shop.example/a?b=c__;!!Nno!x$", "shop.example"),
        ("https://urldefense.com/v3/__https:/shop.example/a__;!!Nno!x$", "shop.example"),
        ("https://linkprotect.cudasvc.com/url?a=https%3a%2f%2fshop.example%2fa&c=E,1", "shop.example"),
        ("https://secure-web.cisco.com/1abcDEF/https%3A%2F%2Fshop.example%2Fa", "shop.example"),
        ("https://protect-eu.mimecast.com/s/AbCd?domain=shop.example", "shop.example"),
        (f"https://eu-central-1.protection.sophos.com?d=shop.example&u={PACKED}&i=1", "shop.example"),
        ("https://www.google.com/url?q=https://shop.example/&sa=D", "shop.example"),
        (
            "https://nam02.safelinks.protection.outlook.com/?url=https%3A%2F%2Furldefense.com%2Fv3%2F__https%3A%2F%2Fshop.example__%3B!!x",
            "shop.example",
        ),
        ("https://protect-eu.mimecast.com/s/AbCd", "protect-eu.mimecast.com"),
        ("https://evil.example/?url=https://shop.example", "evil.example"),
        (
            "https://safelinks.protection.outlook.com.evil.io/?url=https://shop.example",
            "safelinks.protection.outlook.com.evil.io",
        ),
        ("https://eu.protection.sophos.com?u=%%%&d=", "eu.protection.sophos.com"),
        ("http://[shop", "[shop"),
        ("mailto:ann@shop.example", "shop.example"),
    ],
)
def test_real_destination(target: str, host: str) -> None:
    assert real_destination(target).host == host
