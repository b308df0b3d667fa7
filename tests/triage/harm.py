"""Harmful content of a document, found by another parser than the one that cleaned it."""

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

ALLOWED = set(
    re.findall(
        "-?[a-z0-9]+",
        """html head body -text abbr address article aside b big blockquote br caption center cite code col colgroup dd del dfn div dl dt
        em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark ol p pre q s samp section small span
        strike strong sub sup table tbody td tfoot th thead tr tt u ul var wbr""",
    )
)
ATTRIBUTES = set(
    re.findall(
        "[a-z-]+",
        """align valign bgcolor dir lang style id width height border cellpadding cellspacing colspan rowspan nowrap scope span color face
        size src alt start type value class data-n data-said""",
    )
)
PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+=*")
FETCHES = re.compile(r"url|\\|@|/\*|expression|image|var\(|attr\(|position|://|[<>{}]", re.IGNORECASE)


def harm_in(document: str, own_head: str = "") -> list[str]:
    """List everything in a document that runs, loads, redirects or covers the page. `own_head`: the head that may be there."""
    if own_head:
        assert document.count(own_head) == 1
        document = document.replace(own_head, "<head></head>")
    found = []
    waiting: list[LexborNode | None] = [LexborHTMLParser(document).root]
    while waiting:
        node = waiting.pop()
        while node is not None:
            found += harm_of(node)
            waiting.append(node.child)
            node = node.next
    return found


def harm_of(node: LexborNode) -> list[str]:
    """List the harmful parts of one element."""
    tag = node.tag or ""
    found = [] if tag in ALLOWED else [f"element {tag}"]
    for name, value in (node.attributes if tag[:1] != "-" else {}).items():
        text = value or ""
        if name not in ATTRIBUTES:
            found.append(f"attribute {name} of {tag}")
        elif name == "src" and not (tag == "img" and PICTURE.fullmatch(text)):
            found.append(f"address {text[:60]}")
        elif name == "style" and FETCHES.search(text):
            found.append(f"style {text[:60]}")
        elif name not in ("src", "alt", "style") and re.search(r"://|javascript:|url\(", text, re.IGNORECASE):
            found.append(f"{name} {text[:60]}")
    return found
