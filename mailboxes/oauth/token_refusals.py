"""Refusals of Microsoft's or Google's token endpoint: their meaning, and the remedy."""

import re
from typing import Any

from mailboxes.mailbox import Affected, NoToken
from mailboxes.oauth.token_requests import GOOGLE
from triage.text.sanitize import escape_visible

QUOTED = 200  # characters of an error that are shown
AADSTS = re.compile(r"AADSTS\d+")
CONSENT = "give the application the permission IMAP.AccessAsApp (Office 365 Exchange Online) and grant admin consent"
MICROSOFT_CODES = {
    "AADSTS7000222": "the client secret has expired: make a new one in Entra and write its value to recall.client_secret_file",
    "AADSTS7000215": "the client secret is wrong: recall.client_secret_file must hold the secret's value, not its ID",
    "AADSTS700016": "the tenant has no such application: compare recall.client_id and recall.tenant with the registration in Entra",
    "AADSTS7000112": "the application is disabled: enable it in Entra (Enterprise applications)",
    "AADSTS90002": "there is no such tenant: correct recall.tenant",
    "AADSTS900023": "recall.tenant is neither a tenant ID nor a domain of yours",
    "AADSTS65001": f"consent is missing: {CONSENT}",
    "AADSTS500011": f"the tenant does not know the service: {CONSENT}",
    "AADSTS501051": f"the application has no role: {CONSENT}",
    "AADSTS53003": "a Conditional Access policy stops the application: exclude it, or allow this machine's address",
}
DELEGATION = (
    "domain-wide delegation is missing: in the Google Admin console (Security, API controls) allow the service account's client ID the "
    "scope https://mail.google.com/"
)
GOOGLE_ERRORS = (  # error, words in its description, what to do, for which mailboxes
    ("unauthorized_client", "", DELEGATION, Affected.DOMAIN),
    ("access_denied", "", DELEGATION, Affected.DOMAIN),
    ("invalid_grant", "signature", "the key was deleted: create a new one and write it to recall.service_account_file", Affected.ALL),
    ("invalid_grant", "iat", "set this machine's clock right", Affected.ALL),
    ("invalid_grant", "user id", "Google has no user with this address: an alias or a group has no mailbox of its own", Affected.OWNER),
    ("invalid_grant", "", "the service account was deleted or disabled, or Google has no such user", Affected.OWNER),
    ("invalid_client", "", "the service account was deleted or disabled: correct recall.service_account_file", Affected.ALL),
)
ELSE = "compare the settings of [recall] with the registration at the provider"


def explain_refusal(auth: str, values: dict[str, Any]) -> NoToken:
    """A refusal in words: the provider's, and what to do."""
    error, said = (text if isinstance(text := values.get(name), str) else "" for name in ("error", "error_description"))
    do, affected = google_advice(error, said) if auth == GOOGLE else (microsoft_advice(said), Affected.ALL)
    return NoToken(f"the provider gives no token: {quote_error(error, said)}; {do}", affected)


def microsoft_advice(said: str) -> str:
    """Returns what to do about a Microsoft error, by the code at the beginning of its description."""
    found = AADSTS.search(said)
    return MICROSOFT_CODES.get(found[0], ELSE) if found else ELSE


def google_advice(error: str, said: str) -> tuple[str, Affected]:
    """Returns what to do about a Google error, and which mailboxes it affects: a delegation is a Workspace's, others' domains have none."""
    for name, words, do, affected in GOOGLE_ERRORS:
        if name == error and words in said.casefold():
            return do, affected
    return ELSE, Affected.OWNER


def quote_error(error: str, said: str) -> str:
    """The provider's own words, without its trace numbers, on one visible line."""
    words = " ".join(said.split("Trace ID:")[0].split())
    return escape_visible(": ".join(part for part in (error, words) if part))[:QUOTED] or "it does not say why"
