"""The peer of an SMTP connection, and the original client of its messages."""

from dataclasses import dataclass

LOCAL = "local"  # the address of who comes by a unix socket


@dataclass(slots=True)
class Visitor:
    """The other end itself (`peer`, `greeting`, `tls`), and the client whose mail it is."""

    peer: str  # its IP address, or LOCAL
    client: str = ""  # the client's IP address; "" when an edge has not told it
    client_helo: str = ""  # what the client has said to an edge
    client_name: str = ""  # the client's host name as an edge has verified it
    client_protocol: str = ""  # SMTP or ESMTP, as an edge has taken it
    is_edge: bool = False  # an MTA of ours that has answered for the message already (mailflow.md 4)
    proxy: str = ""  # address of the proxy that passes the client's connection through
    counted: str = ""  # the client that the connection counts for; "" when it counts for the whole server only
    lmtp: bool = False
    greeting: str = ""  # the name in HELO, EHLO or LHLO; "" before it
    extended: bool = False
    tls: str = ""  # e.g. "TLSv1.3"
    login: str = ""  # with which they have signed in
    wrong_passwords: int = 0

    @property
    def helo(self) -> str:
        """Name that the client gives itself in HELO."""
        return self.client_helo if self.is_edge else self.greeting

    @property
    def edge(self) -> str:
        """The edge's address, "" when the client itself is here."""
        return self.peer if self.is_edge else ""

    def forget_client(self) -> None:
        """An edge names the client again for each message."""
        if self.is_edge:
            self.client = self.client_helo = self.client_name = self.client_protocol = ""

    def protocol(self, smtputf8: bool) -> str:
        """The "with" word of this connection (RFC 3848, RFC 6531)."""
        if self.lmtp:
            return ("UTF8LMTP" if smtputf8 else "LMTP") + ("S" if self.tls else "")
        return ("UTF8SMTP" if smtputf8 else "ESMTP" if self.extended else "SMTP") + ("S" if self.tls and self.extended else "")

    def __str__(self) -> str:
        """Client, HELO name, and the edge or proxy in between, for the log."""
        through = f" edge={self.peer}" if self.is_edge else f" proxy={self.proxy}" if self.proxy else ""
        return f"client={self.client} helo={self.helo}{through}"
