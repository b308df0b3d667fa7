"""How the lines of a message end: what is passed on can smuggle nothing (RFC 5321, 2.3.8)."""


def count_bare(raw: bytes) -> int:
    """How many CR stand without LF and LF without CR."""
    return raw.count(b"\n") + raw.count(b"\r") - 2 * raw.count(b"\r\n")


def normalise_crlf(raw: bytes) -> bytes:
    """The same lines, each ended by CRLF."""
    if not count_bare(raw):
        return raw
    return raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
