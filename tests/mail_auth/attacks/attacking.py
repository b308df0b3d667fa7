"""The stage for attacks: a bank that publishes everything, and a crook whose own domains pass every check there is."""

from datetime import UTC, datetime

from mail_auth.authenticate import authenticate_message
from mail_auth.dns.query_budget import Record
from tests.mail_auth.answers import Answers
from tests.mail_auth.signing import published, resigned
from triage.addressing.envelope import Envelope
from triage.message.authentication import Authentication

Zone = dict[str, Record | list[Record]]
NOW = datetime.now(UTC)  # dkimpy stamps t= with the real clock
BANK, CROOK = "192.0.2.1", "203.0.113.66"  # where they send from
ZONE: Zone = {
    "s._domainkey.bank.example": published(),
    "_dmarc.bank.example": "v=DMARC1; p=reject",
    "bank.example": f"v=spf1 ip4:{BANK} -all",
    "s._domainkey.evil.example": published(),
    "_dmarc.evil.example": "v=DMARC1; p=reject",
    "evil.example": f"v=spf1 ip4:{CROOK} -all",
    "bank.example-evil.net": f"v=spf1 ip4:{CROOK} -all",
    "s._domainkey.bank.example-evil.net": published(),
}
BODY = b"To: bob@company.example\r\nSubject: Your account\r\nDate: Tue, 24 Nov 2026 09:00:00 +0000\r\n\r\nHello.\r\n"
GENUINE = b"From: The Bank <info@bank.example>\r\n" + BODY


def found(
    raw: bytes, changes: Zone | None = None, *, path: str = "x@evil.example", client: str = CROOK, helo: str = "evil.example"
) -> Authentication:
    """Authentication of a message that the attacker sends, unless the arguments say otherwise."""
    return authenticate_message(Envelope(7, NOW, path, ("bob@company.example",), client, helo), raw, Answers(ZONE | (changes or {})), NOW)


def from_the_crook(raw: bytes, *, domain: bytes = b"evil.example") -> Authentication:
    """The same with a good signature of a domain of his and a passing reverse-path."""
    return found(resigned(names=b"from:to:subject:date", raw=raw, domain=domain))


def taken_for_the_bank(result: Authentication) -> bool:
    """Would a rule that allows the bank let this through?"""
    return result.author.endswith("bank.example") and bool(result.proof)
