"""Authentication-Results that came in: whatever another program takes for ours is found to be forged, and no text is too much."""

import authres  # type: ignore[import-untyped]

from triage.message.trace.authentication_results import is_forged_field

OURS = "mx.company.example"
SEEDS = (
    b" mx.company.example; dmarc=pass",
    b' (a (b) c) "mx.company.example" 1; none',
    b" mx.(x)company.example; spf=pass",
    "\uff4d\uff58.company.example; spf=pass".encode(),
    b"=?utf-8?q?mx=2Ecompany=2Eexample?=; spf=pass",
    b" mx.elsewhere.example; spf=pass smtp.mailfrom=mx.company.example",
)


def one_input(data: bytes) -> None:
    """The value of a field."""
    found = is_forged_field(data, OURS)
    text = data[:4096].decode("utf-8", "replace").replace("\r\n", "")
    try:
        seen = authres.AuthenticationResultsHeader.parse(f"Authentication-Results: {text}")
    except Exception:  # it is nothing to that reader
        return
    if len(data) <= 4096 and str(seen.authserv_id).casefold().rstrip(".") == OURS:
        assert found
