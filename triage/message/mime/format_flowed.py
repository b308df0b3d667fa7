"""Text that was broken for the way is put together again as its reader sees it: format=flowed (RFC 3676). Pure."""

from collections.abc import Iterator

SIGNATURE = "-- "  # RFC 3676, 4.3: it ends in a space, and flows nowhere


def unflow_text(text: str, *, delsp: bool) -> str:
    """The paragraphs of such a text, one a line. `delsp`: the space at which a line was broken is none of the text's (Apple Mail)."""
    return "\n".join("".join(pieces) for pieces in flowed_paragraphs(text, delsp=delsp))


def flowed_paragraphs(text: str, *, delsp: bool) -> Iterator[list[str]]:
    """The pieces of each paragraph, the marks of a quotation first. Only a line of the same depth goes on with the one before."""
    open_at: int | None = None  # the depth of the paragraph that flows on
    pieces: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = content.removeprefix(" ")  # space-stuffed
        flows = content.endswith(" ") and content != SIGNATURE
        if pieces and (depth != open_at or content == SIGNATURE):
            yield pieces
            pieces = []
        if not pieces:
            pieces = [">" * depth + " " if depth else ""]
        pieces.append(content[:-1] if flows and delsp else content)
        open_at = depth if flows else None
    if pieces:
        yield pieces
