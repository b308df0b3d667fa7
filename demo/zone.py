"""The DNS of the demo's world as zone file text: SPF, DKIM and DMARC records, addresses and mail exchangers."""

from collections.abc import Iterator, Mapping

from demo.company import DOMAIN, HOSTNAME
from demo.keys import Key
from demo.senders import SENDERS, Sender

THIS_MACHINE = "v=spf1 ip4:127.0.0.0/8 ip6:::1 -all"
ELSEWHERE = "v=spf1 ip4:192.0.2.10 -all"  # TEST-NET-1 (RFC 5737): nobody sends from there
TTL = 300
PIECE = 255  # bytes in one character-string (RFC 1035, 3.3)


def zone_text(keys: Mapping[str, Key]) -> str:
    """A zone file of the root: every name is absolute, every record stands on one line."""
    lines = ["; The demo's DNS. Written by mailroom demo at every start.", "$ORIGIN .", f"$TTL {TTL}"]
    lines.append(format_record(".", "SOA", f"ns.{DOMAIN}. hostmaster.{DOMAIN}. 1 3600 600 86400 {TTL}"))
    lines.append(format_record(".", "NS", f"ns.{DOMAIN}."))
    lines.append(format_record(f"ns.{DOMAIN}.", "A", "127.0.0.1"))
    for sender in SENDERS:
        lines += ["", f"; {sender.name}", *list_records(sender, keys)]
    return "\n".join(lines) + "\n"


def list_records(sender: Sender, keys: Mapping[str, Key]) -> Iterator[str]:
    """Lists the DNS records of one domain."""
    domain = f"{sender.domain}."
    host = f"{HOSTNAME}." if sender.domain == DOMAIN else f"mail.{domain}"
    spf = THIS_MACHINE if sender.spf else ELSEWHERE
    yield format_record(domain, "MX", f"10 {host}")
    yield format_record(domain, "A", "127.0.0.1" if sender.spf else "192.0.2.10")
    yield format_record(host, "A", "127.0.0.1" if sender.spf else "192.0.2.10")
    yield format_record(domain, "TXT", split_text(spf))
    yield format_record(host, "TXT", split_text(spf))
    if sender.key:
        yield format_record(f"{sender.key}._domainkey.{domain}", "TXT", split_text(keys[sender.key].record))
    if sender.dmarc:
        yield format_record(f"_dmarc.{domain}", "TXT", split_text(f"v=DMARC1; p={sender.dmarc}; rua=mailto:dmarc@{sender.domain}"))


def format_record(name: str, kind: str, data: str) -> str:
    """Formats a line of a zone file."""
    return f"{name} {TTL} IN {kind} {data}"


def split_text(content: str) -> str:
    """TXT data in character-strings of at most 255 bytes."""
    pieces = [content[start : start + PIECE] for start in range(0, len(content), PIECE)]
    return " ".join(f'"{piece}"' for piece in pieces)
