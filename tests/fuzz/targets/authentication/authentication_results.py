"""Authentication-Results of others: what stands in quotes and comments is no result, and what is read is plain."""

from mail_auth import authentication_results
from triage.message.authentication import Stated

SEEDS = (
    b"mx.example 1; spf=pass (a (b) c) smtp.mailfrom=x@a.example; dkim=pass header.d=a.example; dmarc=pass header.from=a.example",
    b'mx; dkim/1=fail reason="a \\"; b" header.i=@a.example; none',
    b'; = ( ) " \\ mx;=;a=b',
    b"mx; dmarc=pass header.from=a; dmarc=fail header.from=b",
    b'"\x1em\x00"\xc2"x\x00\xf4"',
)
TRUE = (Stated("spf", "pass", "a.example"),)


def one_input(data: bytes) -> None:
    """`data` is a value, and then something inside a quote and inside a comment."""
    for one in authentication_results.read_results(data):
        assert one.method.isascii()
        assert one.result.isalpha()
        assert one.domain.isprintable()
        assert "@" not in one.domain
    name = authentication_results.authserv_id(data)
    assert name.isprintable()
    assert name == name.lower().strip()
    inside = data[:1000].replace(b"\\", b"").replace(b'"', b"").replace(b"\r", b"").replace(b"\n", b"")
    assert authentication_results.read_results(b'mx; spf=pass reason="' + inside + b'" smtp.mailfrom=a.example') == TRUE
    bare = inside.replace(b"(", b"").replace(b")", b"")
    assert authentication_results.read_results(b"mx; spf=pass (" + bare + b") smtp.mailfrom=a.example") == TRUE
