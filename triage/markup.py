"""HTML mail as a walk over its elements, as text and as links; refused where a parser would take too long."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from html import unescape
from typing import NamedTuple
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser, LexborNode

from triage.links import browsed

SIZE_LIMIT = 2 * 1024 * 1024  # characters
TAG_LIMIT = 60_000
DEPTH_LIMIT = 1_000
UNCLOSED_LIMIT = 150  # of those that every later block opens again: memory grows with the product (HTML, 13.2.4.3)

HIDING = re.compile(
    r"<!--(?:-?>|.*?(?:--!?>|\Z))|<(?P<raw>script|style|textarea|title|xmp|iframe|noembed|noframes)\b.*?(?:</(?P=raw)\b|\Z)",
    re.DOTALL | re.IGNORECASE,
)
TAG = re.compile(r"<(?P<slash>/?)(?P<name>[a-zA-Z][^\s/>]*)(?:[^>\"']+|\"[^\"]*\"|'[^']*')*+")
ANY_TAG = re.compile(r"<[/!?a-zA-Z][^<>]*>?")
NEVER_READ = re.compile(r"<(?:(script|style|title|head)\b|!--)", re.IGNORECASE)
ENDS = {name: re.compile(rf"</{name}\s*>", re.IGNORECASE) for name in ("script", "style", "title", "head")} | {"": re.compile("-->")}


def names(text: str) -> frozenset[str]:
    """A set of element names, written as one text."""
    return frozenset(text.split())


PAGE_PARTS = {  # by a word that is soon looked for, and what tells
    "form": (("<form",), re.compile(r"<form\b")),
    "password": (("password",), re.compile(r"<input\b[^<>]{0,300}?\btype\s{0,9}=\s{0,9}[\"']?password")),
    "script": (("<script", "javascript:"), re.compile(r"<script\b(?![^<>]{0,200}\bld\+json)|\bhref\s{0,9}=\s{0,9}[\"']?javascript:")),
}

VOID = names("area base basefont bgsound br col embed frame hr img input link meta param source track wbr")
CLOSED_BY_THEIR_LIKE = names("p li dt dd tr td th thead tbody tfoot option optgroup colgroup html head body rp rt")
FORMATTING = names("a b big code em font i nobr s small strike strong tt u")

NOT_SHOWN = names("script style title head template iframe frame frameset noframes noembed datalist portal")
BLOCKS = names(
    "address article aside blockquote body center dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr"
    " li main menu nav ol p pre section summary table tbody td tfoot th thead tr ul"
)
PARAGRAPHS = names("p h1 h2 h3 h4 h5 h6 table blockquote pre ul ol dl")
ANCHORS = names("a v:group v:image v:line v:oval v:rect v:roundrect v:shape")  # with Outlook's drawings
LINKING = ANCHORS | names("area form")
CONDITION = re.compile(r"<!--\[if\b[^\]<>]{0,200}\]>", re.IGNORECASE)
CONDITION_END = re.compile(r"<!\[endif\]|-->", re.IGNORECASE)
COMPARED = 100_000_000  # characters that are looked through for what only Outlook shows; beyond that all of it is shown
OFFICE = re.compile(r"<xml\b.*?(?:</xml>|\Z)", re.IGNORECASE | re.DOTALL)  # settings of Office's programs
SLASHES = re.compile(r"^([a-z][a-z0-9+.-]*:)?[/\\]{2,}", re.IGNORECASE)  # before a host (WHATWG URL, 4.4)
LINK_TEXT_LIMIT = 300  # characters
RESERVED = re.compile("[\ue000-\ue003]")  # private use: they never come from mail, so that others may mark places in the text
SPACES = re.compile(r"\s+")
BLANKS = re.compile(r"[ \t\u00a0]+")
EMPTY_LINES = re.compile(r"\n{3,}")
NO_CHARACTER = re.compile(r"&#(?:[0-9]{100,}|[xX][0-9a-fA-F]{100,});?")  # more digits than any has; int() refuses 4,301 of them

Mark = Callable[[str, str, str], str]


class Step(NamedTuple):
    """One step of the walk: an element opens or closes, or there is text."""

    kind: str  # open, close, text
    tag: str = ""
    text: str = ""
    node: LexborNode | None = None


def too_much(html: str) -> str:
    """Why this HTML is not parsed, in words; "" when it may be. Parsers take quadratic time, or memory, for what is refused here."""
    if len(html) > SIZE_LIMIT:
        return f"its HTML is larger than {SIZE_LIMIT // 1024 // 1024} MB"
    if html.count("<") > TAG_LIMIT and sum(1 for _ in ANY_TAG.finditer(html)) > TAG_LIMIT:
        return f"its HTML has more than {TAG_LIMIT:,} tags"
    depth, unclosed, position = 0, 0, 0
    opened: Counter[str] = Counter()
    for hiding in HIDING.finditer(html):
        depth, unclosed = nesting(html[position : hiding.start()], opened, depth, unclosed)
        hidden, _ = nesting(hiding[0][1:], Counter(), 0, 0)  # where a parser disagrees about comments, these are elements
        depth, position = depth + hidden, hiding.end()
        if depth > DEPTH_LIMIT or unclosed > UNCLOSED_LIMIT:
            break
    depth, unclosed = nesting(html[position:], opened, depth, unclosed)
    return "its HTML is nested too deeply" if depth > DEPTH_LIMIT or unclosed > UNCLOSED_LIMIT else ""


def page_parts(html: str) -> tuple[str, ...]:
    """Which of form, password field and script a page has. Looks at its source, so it is bounded for any size."""
    source = html.lower()
    return tuple(name for name, (hints, pattern) in PAGE_PARTS.items() if any(hint in source for hint in hints) and pattern.search(source))


def nesting(html: str, opened: Counter[str], depth: int, unclosed: int) -> tuple[int, int]:
    """How many elements, and how many formatting elements, are open after this piece, or when there are too many."""
    for found in TAG.finditer(html):
        name = found["name"].casefold()
        if name in VOID or name in CLOSED_BY_THEIR_LIKE or (found["slash"] and not opened[name]):
            continue
        change = -1 if found["slash"] else 1
        opened[name] += change
        depth += change
        unclosed += change if name in FORMATTING else 0
        if depth > DEPTH_LIMIT or unclosed > UNCLOSED_LIMIT:
            break
    return depth, unclosed


def walk(html: str) -> Iterator[Step]:
    """Every element and text in document order, without what is never shown. Only for HTML that is not `too_much`."""
    root = LexborHTMLParser(html).root
    stack: list[LexborNode] = []
    node = root
    while node is not None:
        tag = node.tag or ""
        if tag == "-text":
            yield Step("text", text=node.text_content or "", node=node)
        elif tag[:1] != "-" and tag not in NOT_SHOWN:
            yield Step("open", tag, node=node)
            if len(stack) < DEPTH_LIMIT and (child := node.child) is not None:
                stack.append(node)
                node = child
                continue
            yield Step("close", tag, node=node)
        while stack and node.next is None:
            node = stack.pop()
            yield Step("close", node.tag or "", node=node)
        node = node.next if stack else None


def attribute(node: LexborNode | None, name: str) -> str:
    """An attribute's value, "" without one."""
    return (node.attributes.get(name) or "") if node is not None else ""


def unmarked(text: str, target: str, there: str) -> str:
    """A link stays in the text as it stands there."""
    return there


def text_and_links(html: str, mark: Mark = unmarked) -> tuple[str, list[tuple[str, str]]]:
    """What an HTML mail says, as running text with a line for each block, and its links as (text, target) in order.

    `mark` may dress what stands for a link in the text; it is given the link's text, its target and what stands there.
    """
    out: list[str] = []
    links: list[tuple[str, str]] = []
    opened: list[tuple[str, int]] = []  # the links that are open: target, where their text begins in `out`
    base = base_of(html)
    for step in walk(html):
        out.append(words_of(step))
        if step.tag not in LINKING:
            continue
        if step.kind == "open":
            opened.append((target_of(step, base), len(out)))
            continue
        target, begin = opened.pop()
        if target:
            text = link_text(step, out[begin:])
            links.append((text, target))
            there = text if step.tag == "form" else "".join(out[begin:])
            out[len(out) if step.tag == "form" else begin :] = [mark(text, target, there)]
    return tidy("".join(out)), links


def for_outlook(html: str) -> str:
    """What stands in comments that Outlook alone reads, if that says or opens anything that the rest does not; else ""."""
    inside = [CONDITION_END.split(piece, maxsplit=1)[0] for piece in CONDITION.split(html)[1:]]
    page = OFFICE.sub("", "\n".join(inside)).strip()
    if not page or too_much(page):
        return page
    text, links = text_and_links(page)
    if not text and not links:  # nothing but layout, as most have it
        return ""
    if too_much(html):
        return page
    all_text, all_links = text_and_links(html)
    known, lines = folded(all_text), dict.fromkeys(map(folded, text.split("\n")))
    says = len(known) * len(lines) > COMPARED or any(line not in known for line in lines)
    return page if says or {target for _, target in links} - {target for _, target in all_links} else ""


def folded(text: str) -> str:
    """Text without what its layout makes of it."""
    return " ".join(text.casefold().split())


def words_of(step: Step) -> str:
    """What one step of the walk adds to the running text."""
    if step.kind == "text":
        text = SPACES.sub(" ", step.text)
        return text if text.isascii() else RESERVED.sub("", text)
    if step.tag in PARAGRAPHS:
        return "\n\n"
    if step.tag in BLOCKS or (step.tag == "br" and step.kind == "open"):
        return "\n"
    return RESERVED.sub("", attribute(step.node, "alt")) if step.tag == "img" and step.kind == "open" else ""


def base_of(html: str) -> str:
    """The address that relative links are relative to; "" in nearly all mail."""
    if "<base" not in html.casefold():
        return ""
    return SLASHES.sub(r"\1//", browsed(attribute(LexborHTMLParser(html).css_first("base[href]"), "href")))


def target_of(step: Step, base: str) -> str:
    """Where an element leads: the href of a link, the action of a form; "" where nothing outside is opened."""
    target = (
        browsed(attribute(step.node, "action" if step.tag == "form" else "href") or attribute(step.node, "xlink:href"))
        if step.kind == "open"
        else ""
    )
    if not target or target.startswith("#"):
        return ""
    try:
        return urljoin(base, SLASHES.sub(r"\1//", target)) if base else target
    except ValueError:
        return target


def link_text(step: Step, pieces: list[str]) -> str:
    """What the reader sees of a link."""
    if step.tag == "form":
        return "(form)"
    return " ".join("".join(pieces).split())[:LINK_TEXT_LIMIT] or attribute(step.node, "alt") or "(picture)"


def tidy(text: str) -> str:
    """Lines without white space at their ends, never more than one empty line."""
    lines = "\n".join(line.strip() for line in BLANKS.sub(" ", text).split("\n"))
    return EMPTY_LINES.sub("\n\n", lines).strip()


def crude_text(html: str) -> str:
    """The words of HTML that is too much to parse: everything between tags, at most `SIZE_LIMIT` of it."""
    return tidy(unescaped(ANY_TAG.sub(" ", without_unread(html[:SIZE_LIMIT]))))


def unescaped(text: str) -> str:
    """Text with its character references read; U+FFFD for what is beyond all characters, as a parser has it (HTML, 13.2.5.80)."""
    return unescape(NO_CHARACTER.sub("\ufffd", text))


def without_unread(html: str) -> str:
    """Without comments, scripts and the like that end somewhere. The end of each kind is looked for in vain once, not for each begin."""
    out: list[str] = []
    position, endless = 0, set[str]()
    for found in NEVER_READ.finditer(html):
        kind = (found[1] or "").casefold()
        if found.start() < position or kind in endless:
            continue
        end = ENDS[kind].search(html, found.end())
        if end is None:
            endless.add(kind)
            continue
        out += html[position : found.start()], " "
        position = end.end()
    return "".join([*out, html[position:]])
