"""Requests for access tokens to Microsoft and Google: client credentials, or an assertion signed by a service account."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from mailboxes.mailbox import NoCredentials
from triage.config.identity_providers import is_trustworthy
from triage.config.settings import Recall
from triage.errors import BadInput

MICROSOFT, GOOGLE = "microsoft", "google"
NEEDED = {MICROSOFT: ("tenant", "client_id", "client_secret_file"), GOOGLE: ("service_account_file",)}  # settings
MICROSOFT_URL = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"
MICROSOFT_SCOPE = "https://outlook.office365.com/.default"
GOOGLE_URL, GOOGLE_SCOPE = "https://oauth2.googleapis.com/token", "https://mail.google.com/"
BEARER_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"  # RFC 7523, 2.1
ASSERTION_SECONDS = 600  # that an assertion is good for; Google takes 3600 at most


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A form to POST, and the address of the token endpoint."""

    url: str
    form: dict[str, str]


def asks_itself(settings: Recall) -> bool:
    """Whether Mailroom requests the tokens itself."""
    return settings.auth in NEEDED


def check_token_settings(settings: Recall) -> None:
    """BadInput names the setting that is missing or wrong. No file is read."""
    for name in NEEDED[settings.auth]:
        if not getattr(settings, name):
            raise BadInput(f"recall.{name} is missing: recall.auth = {settings.auth!r} needs it")
    if settings.token_url and not is_trustworthy(settings.token_url):
        raise BadInput(f"recall.token_url must be an https:// address, not {settings.token_url!r}")


def token_owner(settings: Recall, mailbox: str) -> str:
    """Returns the owner of a token: at Google the mailbox; at Microsoft the application, for all mailboxes ("")."""
    return mailbox if settings.auth == GOOGLE else ""


def make_request(settings: Recall, mailbox: str) -> TokenRequest:
    """The request for a token that opens this mailbox. NoCredentials when a file cannot be read or used."""
    return google_request(settings, mailbox) if settings.auth == GOOGLE else microsoft_request(settings)


def microsoft_request(settings: Recall) -> TokenRequest:
    """Client credentials (RFC 6749, 4.4)."""
    form = {
        "grant_type": "client_credentials",
        "client_id": settings.client_id,
        "client_secret": read_file("client_secret_file", settings.client_secret_file).strip(),
        "scope": MICROSOFT_SCOPE,
    }
    return TokenRequest(settings.token_url or MICROSOFT_URL.format(tenant=quote(settings.tenant, safe="")), form)


def google_request(settings: Recall, mailbox: str) -> TokenRequest:
    """An assertion of the service account that speaks for the mailbox (RFC 7523)."""
    account = read_service_account(settings.service_account_file)
    url, now = settings.token_url or account.get("token_uri") or GOOGLE_URL, int(time.time())
    if not isinstance(url, str) or not is_trustworthy(url):
        raise NoCredentials(f"recall.service_account_file {settings.service_account_file}: its token_uri is no https:// address")
    claims = {"iss": account["client_email"], "sub": mailbox, "scope": GOOGLE_SCOPE, "aud": url}
    times = {"iat": now, "exp": now + ASSERTION_SECONDS}
    header = {"alg": "RS256", "typ": "JWT"} | ({"kid": str(account["private_key_id"])} if account.get("private_key_id") else {})
    try:
        signed = jwt.encode(header, claims | times, RSAKey.import_key(account["private_key"]))
    except (JoseError, ValueError, TypeError) as fault:
        raise NoCredentials(f"recall.service_account_file {settings.service_account_file}: its private_key cannot be used") from fault
    return TokenRequest(url, {"grant_type": BEARER_GRANT, "assertion": signed})


def read_service_account(file: str) -> dict[str, Any]:
    """The key file of a service account, as Google makes it. NoCredentials when it is none."""
    try:
        account = json.loads(read_file("service_account_file", file))
    except ValueError:
        account = None
    if not isinstance(account, dict) or not all(isinstance(account.get(name), str) for name in ("client_email", "private_key")):
        raise NoCredentials(f"recall.service_account_file {file} is no key of a service account (JSON): create one at Google")
    return account


def read_file(setting: str, file: str) -> str:
    """The text of a secret file. NoCredentials says why it cannot be read."""
    try:
        return Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise NoCredentials(f"recall.{setting} {file} cannot be read: {getattr(fault, 'strerror', '') or fault}") from fault
