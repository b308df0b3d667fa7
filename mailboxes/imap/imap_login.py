"""Into somebody's mailbox over IMAP: the connection, its encryption, and with whose credentials."""

import contextlib
import functools
import imaplib
import ipaddress
import re
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from imapclient.exceptions import IMAPClientError, LoginError  # type: ignore[import-untyped]

from mailboxes.imap.imap_client import Client
from mailboxes.mailbox import Busy, NoCredentials, ShutOut, Unreachable
from mailboxes.oauth.access_tokens import TOKENS
from mailboxes.oauth.token_requests import GOOGLE, MICROSOFT, asks_itself, check_token_settings
from triage.config import oauth_tokens
from triage.config.settings import Mirror, Recall
from triage.errors import BadInput
from triage.say import say
from triage.text.sanitize import escape_visible

Access = Recall | Mirror  # sections that say how to get into mailboxes
PORTS = {"imaps": 993, "imap": 143}
WORD_LENGTH = 200  # characters of a server's reason that are kept
BACKOFF = re.compile(r"Suggested Backoff Time: (\d{1,9}) milliseconds", re.IGNORECASE)  # Exchange Online
PASSING = ("[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]", "[CONTACTADMIN]", "MAXIMUM NUMBER")  # RFC 5530, and Dovecot
TOO_BUSY = ("SERVER BUSY", "SERVER UNAVAILABLE", "THROTTLED", "TOO MANY SIMULTANEOUS", "EXCEEDED COMMAND OR BANDWIDTH")
PATIENCE = 30.0  # seconds to leave a server alone that is too busy and does not say for how long
REFUSED_THERE = {  # why a token may be good and open nothing
    MICROSOFT: say("the application needs IMAP.AccessAsApp with consent, a service principal in Exchange, and FullAccess to the mailbox"),
    GOOGLE: say("IMAP may be switched off for this mailbox in Google Workspace"),
}


def open_session(settings: Access, mailbox: str) -> Client:
    """A session in this mailbox. Unreachable with the reason when the server, its certificate or the credentials say no."""
    if isinstance(settings, Recall) and asks_itself(settings):
        TOKENS.get(settings, login_of(settings, mailbox))  # first: nobody dials where there is no token
    try:
        client = connect_imap(settings)
    except (OSError, IMAPClientError) as fault:
        raise Unreachable(
            say("the IMAP server {server} cannot be reached: {why}", server=settings.imap, why=describe_error(fault))
        ) from fault
    try:
        sign_in(client, settings, login_of(settings, mailbox))
    except (OSError, IMAPClientError) as fault:
        hang_up(client)
        raise explain_refusal(fault, settings, login_of(settings, mailbox)) from fault
    except Unreachable:
        hang_up(client)
        raise
    client.normalise_times = False
    return client


def explain_refusal(fault: Exception, settings: Access, login: str) -> Unreachable:
    """Returns the error for a refused IMAP sign-in: temporary, or until somebody mends it."""
    if not isinstance(fault, LoginError) or is_passing(fault):
        refused = isinstance(fault, LoginError)
        return describe_trouble(say("the IMAP server refuses our sign-in" if refused else "the IMAP server broke off the sign-in"), fault)
    if isinstance(settings, Recall) and asks_itself(settings):
        TOKENS.forget(settings, login)
    why = describe_error(fault)
    if hint := REFUSED_THERE.get(settings.auth):
        return ShutOut(say("the IMAP server refuses our sign-in: {why}; {hint}", why=why.rstrip("."), hint=hint))
    return ShutOut(say("the IMAP server refuses our sign-in: {why}", why=why))


def describe_trouble(what: str, fault: Exception) -> Unreachable:
    """Trouble with the server, in words: Busy where it has too much to do."""
    words, said = say("{what}: {why}", what=what, why=describe_error(fault)), str(fault)
    if found := BACKOFF.search(said):
        return Busy(words, int(found[1]) / 1000)
    return Busy(words, PATIENCE) if any(one in said.upper() for one in TOO_BUSY) else Unreachable(words)


def settings_section(settings: Access) -> str:
    """Returns the name of the settings section, such as recall."""
    return type(settings).__name__.casefold()


def server_of(settings: Access) -> tuple[str, str, int]:
    """Scheme, host and port of the section's `imap`. BadInput when it is of no kind we know."""
    try:
        url = urlsplit(settings.imap)
        port = url.port or PORTS[url.scheme]
    except (ValueError, KeyError) as fault:
        raise BadInput(
            f"{settings_section(settings)}.imap must be imaps://HOST[:PORT] or imap://HOST[:PORT], not “{settings.imap}”"
        ) from fault
    if not url.hostname or url.path.strip("/") or url.username:
        raise BadInput(f"{settings_section(settings)}.imap must be imaps://HOST[:PORT] or imap://HOST[:PORT], not “{settings.imap}”")
    return url.scheme, url.hostname, port


def check_login_settings(settings: Access) -> None:
    """BadInput when these settings can let nobody in."""
    server_of(settings)
    if isinstance(settings, Recall) and asks_itself(settings):
        check_token_settings(settings)
        return
    needs = {"master": ("master_user", "password_file"), "per-account": ("password_file",), "xoauth2": ()}
    for name in needs[settings.auth]:
        if not getattr(settings, name):
            raise BadInput(
                f'{settings_section(settings)}.{name} is missing: {settings_section(settings)}.auth = "{settings.auth}" needs it'
            )
    if settings.auth == "xoauth2" and not (settings.token_file or settings.token_command):
        own = settings_section(settings)
        raise BadInput(f'{own}.token_file or {own}.token_command is missing: {own}.auth = "xoauth2" needs one of them')


def connect_imap(settings: Access) -> Client:
    """Connected, and encrypted with a verified certificate (RFC 8314, RFC 9051 11); in the clear only where that is allowed."""
    scheme, host, port = server_of(settings)
    context = verifying_context(settings.ca_file) if scheme == "imaps" else None
    client = Client(host, port, ssl=scheme == "imaps", ssl_context=context, timeout=settings.timeout)
    if scheme == "imap" and not settings.plain and not is_loopback(host):
        try:
            client.starttls(verifying_context(settings.ca_file))
        except (OSError, IMAPClientError):
            hang_up(client)
            raise
    return client


@functools.lru_cache(maxsize=4)
def verifying_context(ca_file: str) -> ssl.SSLContext:
    """TLS with the authorities of that file, or of the system. Made once: reading them takes longer than a session in a mailbox."""
    return ssl.create_default_context(cafile=ca_file or None)


def hang_up(client: Client) -> None:
    """Close the connection, whatever state it is in."""
    with contextlib.suppress(OSError, IMAPClientError):
        client.shutdown()


def is_loopback(host: str) -> bool:
    """Whether a connection to this host stays on this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def login_of(settings: Access, mailbox: str) -> str:
    """The login name of a mailbox."""
    return mailbox.rpartition("@")[0] if settings.login == "local-part" else mailbox


def sign_in(client: Client, settings: Access, login: str) -> None:
    """Signs in with the credentials that the settings name."""
    if settings.auth in ("xoauth2", MICROSOFT, GOOGLE):
        token = token_for(settings, login)
        if client.has_capability("AUTH=OAUTHBEARER"):
            client.oauthbearer_login(login, token)
        else:
            client.oauth2_login(login, token)
    elif settings.auth == "per-account":
        client.login(login, find_password(settings, login))
    elif settings.separator:
        client.login(f"{login}{settings.separator}{settings.master_user}", read_secret(settings.password_file))
    else:
        client.plain_login(settings.master_user, read_secret(settings.password_file), login)


def read_secret(file: str) -> str:
    """Reads a secret file; NoCredentials when it cannot be read."""
    try:
        return Path(file).read_text("utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as fault:
        raise NoCredentials(f"{file} cannot be read: {getattr(fault, 'strerror', '') or fault}") from fault


def find_password(settings: Access, login: str) -> str:
    """The password of one account, from the lines of ADDRESS:PASSWORD."""
    for line in read_secret(settings.password_file).splitlines():
        name, _, password = line.partition(":")
        if name.strip().casefold() == login.casefold():
            return password
    raise NoCredentials(f"{settings.password_file} has no line for {login}")


def token_for(settings: Access, login: str) -> str:
    """An access token: from the provider, from the file or from the command's standard output."""
    if isinstance(settings, Recall) and asks_itself(settings):
        return TOKENS.get(settings, login)
    try:
        return oauth_tokens.current_token(settings.token_file, settings.token_command, login, settings.timeout)
    except oauth_tokens.NoToken as fault:
        raise NoCredentials(f"{settings_section(settings)}.{describe_error(fault)}") from fault


def is_passing(fault: BaseException) -> bool:
    """Whether a sign-in fails only for now: the connection broke, or the server lets us in later (RFC 5530; or too many connections)."""
    if isinstance(fault.__context__, imaplib.IMAP4.abort):
        return True
    said = describe_error(fault).upper()
    return any(code in said for code in (*PASSING, *TOO_BUSY))


def describe_error(fault: BaseException) -> str:
    """A fault as one short visible line."""
    said = fault.args[0] if fault.args and isinstance(fault.args[0], bytes) else str(fault)
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return escape_visible(" ".join(text.split()))[:WORD_LENGTH]
