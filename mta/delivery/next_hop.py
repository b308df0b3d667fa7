"""The next hop of mail that goes on: which kinds there are, and what each promises."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from mta.delivery.maildir_delivery import MaildirHop
from mta.delivery.sasl_client import Logins
from mta.delivery.smtp_client import DialledHop, Server
from mta.delivery.starttls import Encryption
from triage.config.settings import Relay
from triage.delivery.queue import Outcome
from triage.errors import BadInput

HOST_PORT = re.compile(r"(?:\[(?P<literal>[0-9A-Fa-f:.]+)\]|(?P<host>[\w-]{1,63}(?:\.[\w-]{1,63})*)):(?P<port>[0-9]{1,5})", re.A)
POSSIBLE = (
    "write smtp://HOST:PORT, lmtp://HOST:PORT, lmtp:///PATH/OF/SOCKET or maildir:DIRECTORY; "
    "smtps:// and lmtps:// for TLS from the first byte"
)


class NextHop(Protocol):
    """Next hop that messages are sent to. One thread uses it at a time; only `abort` may come from another."""

    def send(self, reverse_path: str, mailboxes: Sequence[str], raw: bytes) -> list[Outcome]:
        """Hand one message over for these mailboxes; an outcome for each, in their order.

        Whatever the next hop does is an outcome, never an exception.
        """

    def close(self) -> None:
        """Let go of the connection, if there is one; the next `send` makes a new one."""

    def abort(self) -> None:
        """Make a `send` that hangs in another thread come to an end."""


def open_nexthop(
    url: str,
    *,
    timeout: float,
    final_timeout: float = 600,
    hostname: str,
    encryption: Encryption | None = None,
    logins: Logins | None = None,
) -> NextHop:
    """The next hop of a URL; nothing is dialled yet.

    `timeout`: seconds to wait for each answer, `final_timeout` for the one after the final dot; `hostname`: our name there;
    `encryption`: opportunistic unless it says otherwise; `logins`: who we are there. BadInput when the URL is of no kind we
    know, or a file cannot be used.
    """
    kind, _, place = url.partition(":")
    if kind == "maildir" and place and not place.startswith("//"):
        return MaildirHop(url, Path(place), hostname)
    server, encryption = server_of(url), encryption or Encryption()
    if encryption.authorities:
        _ = encryption.context  # a file that is of no use is said at once
    logins = logins or Logins(Relay())
    logins.known()
    return DialledHop(
        server,
        timeout=timeout,
        final_timeout=max(timeout, final_timeout),
        hostname=hostname,
        encryption=encryption,
        logins=logins,
    )


def server_of(url: str) -> Server:
    """The server that an smtp, smtps, lmtp or lmtps URL names; BadInput for any other."""
    kind, _, place = url.partition(":")
    lmtp, implicit = kind.startswith("lmtp"), kind.endswith("s")
    found = HOST_PORT.fullmatch(place.removeprefix("//"))
    if kind == "lmtp" and place.startswith("///") and len(place) > len("///"):
        return Server(url, place.removeprefix("//"), 0, lmtp=True)
    if kind in ("smtp", "lmtp", "smtps", "lmtps") and place.startswith("//") and found and 0 < int(found["port"]) <= 65535:
        return Server(url, found["literal"] or found["host"], int(found["port"]), lmtp=lmtp, implicit_tls=implicit)
    raise BadInput(f"the next hop “{url}” is not known; {POSSIBLE}")
