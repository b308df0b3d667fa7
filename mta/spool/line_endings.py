"""Line endings of messages, normalised so that nothing is smuggled on to the next hop (RFC 5321, 2.3.8)."""


def count_bare(raw: bytes) -> int:
    """Counts CR without LF and LF without CR."""
    return raw.count(b"\n") + raw.count(b"\r") - 2 * raw.count(b"\r\n")


def normalise_crlf(raw: bytes) -> bytes:
    """The same lines, each ended by CRLF."""
    if not count_bare(raw):
        return raw
    return raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
