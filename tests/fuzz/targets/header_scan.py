"""The SMTP server's one look at a header: never a fault, bounded, and never another author than the judge sees."""

from mta.session.header_scan import MOST_FIELDS, scan_header
from triage.message.summary import make_summary

HOST = "mx.company.example"
SEEDS = (
    b"From: Ann <a@b.example>\r\nReceived: from x by mx.company.example\r\nDKIM-Signature: v=1; d=b.example; s=x\r\n\r\nbody\r\n",
    b"From: a@b.example\r\nFrom: c@d.example\r\n\r\n",
    b"FROM : =?utf-8?q?x?=\r\n\t<a@b.example> (c)\r\n\r\n",
    b'From: "a (b" <c@d.example>, e@f.example\r\n\r\n',
    b"From: g:a@b.example;\r\n\r\n",
    b"X: y\r\n From: a@b.example\r\n\r\nFrom: c@d.example\r\n",
    b"Received:x\r\n" * 60 + b"\r\n",
    b"\r\nFrom: a@b.example\r\n\r\n",
)


def one_input(data: bytes) -> None:
    """Scan a header; the SMTP server gets CRLF only."""
    raw = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    seen = scan_header(raw, HOST)
    assert 0 <= seen.own_hops <= seen.hops <= MOST_FIELDS
    assert all(domain == domain.casefold() and "@" not in domain for domain in seen.signers)
    if seen.author is not None:
        assert make_summary(raw, headers_only=True).author in ("", str(seen.author))
