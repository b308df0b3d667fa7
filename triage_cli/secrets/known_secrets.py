"""The secrets that units get as credentials: which roles read each, and what its rotation asks of others."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from secrets import token_urlsafe

from triage.config.secret_files import ENCRYPTED
from triage.errors import NotFound
from triage.notifications.webhooks import payloads

DATABASE = ("judge", "relay", "recall", "mirror", "api", "outbound", "upkeep", "sync")
TIMED = frozenset({"sync", "retention"})  # a timer starts them: each start reads the secret again
IMAP = "The IMAP server must accept the new one."
DIRECTORIES = ("webhooks", "identity")


@dataclass(frozen=True, slots=True)
class Known:
    """A secret, or a directory of them."""

    roles: tuple[str, ...]  # those whose units load it
    follows: str  # what others have to do, before or after
    make: Callable[[str], str] = lambda _old: ""  # a new value from the old one, where Mailroom itself may choose it


def next_token(_old: str) -> str:
    """Returns a new random token, 256 bits."""
    return token_urlsafe(32) + "\n"


def next_keys(old: str) -> str:
    """Returns a new key before the newest old one. Both sign, so that the receiver may change at any time. "" where it holds no keys."""
    if not all(line.startswith(payloads.PREFIX) for line in old.split()):
        return ""  # a URL, or a key that the receiver made
    return "\n".join([payloads.new_key(), *old.split()[:1]]) + "\n"


TLS = partial(Known, ("receive", "outbound"))
KNOWN = {
    "smtp.tls_cert": TLS("Publish the TLSA record of the new key first, if you use DANE. Rotate certificate and key together."),
    "smtp.tls_key": TLS("Publish the TLSA record of the new key first, if you use DANE. Rotate certificate and key together."),
    "smtp.edge_token": Known(
        ("receive",), "Set it on each edge server at once: until then, its messages count as a stranger's.", next_token
    ),
    "database.url": Known((*DATABASE, "retention", "webhooks"), "PostgreSQL must accept the new password first (ALTER ROLE)."),
    "database.listen_url": Known(DATABASE, "PostgreSQL must accept the new password first (ALTER ROLE)."),
    "database.read_url": Known(("api",), "PostgreSQL must accept the new password first (ALTER ROLE)."),
    "relay.arc_key_file": Known(("relay",), "Publish the new public key in DNS first, under a selector of its own (relay.arc_selector)."),
    "relay.logins_file": Known(("relay",), "The provider must accept the new password."),
    "relay.token_file": Known(("relay",), "The provider must accept the new token."),
    "recall.password_file": Known(("recall",), IMAP),
    "recall.token_file": Known(("recall",), IMAP),
    "recall.client_secret_file": Known(("recall",), "Add the new client secret at Microsoft first; remove the old one after this."),
    "recall.service_account_file": Known(("recall",), "Add the new key at Google first; remove the old one after this."),
    "mirror.password_file": Known(("mirror",), IMAP),
    "mirror.token_file": Known(("mirror",), IMAP),
    "directory.password_file": Known(("sync", "api"), "The LDAP server must accept the new password."),
    "outbound.accounts_file": Known(("outbound",), "Programs whose password changed must learn the new one."),
    "audit.key_file": Known(("upkeep",), "Keep the old public key: it verifies older checkpoints. Store the new one beside it."),
    "webhooks": Known(
        ("webhooks",), "Give the receiver the new key. The old one signs too, until you rotate this secret again.", next_keys
    ),
    "identity": Known(("identity",), "Add the new client secret at the identity provider first; remove the old one after this."),
}


def known_secret(name: str) -> Known:
    """Returns what is known of the secret SECTION.KEY, webhooks/FILE or identity/FILE. NotFound names those there are."""
    directory, slash, file = name.partition("/")
    if slash and directory in DIRECTORIES and file and "/" not in file and not file.startswith("."):
        return KNOWN[directory]
    if not slash and name in KNOWN and name not in DIRECTORIES:
        return KNOWN[name]
    raise NotFound(
        f"there is no secret {name}: name one of {', '.join(sorted(KNOWN.keys() - {*DIRECTORIES}))}, webhooks/FILE, identity/FILE"
    )


def credential_name(name: str) -> str:
    """Returns the name by which units get it when it is encrypted."""
    return ENCRYPTED + name.replace("/", "_")
