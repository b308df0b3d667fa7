"""HTML mail as a walk over its elements, as text and as links; refused where a parser would take too long."""

import re
from collections.abc import Callable, Iterator
from hashlib import blake2b
from html import unescape
from itertools import groupby, islice
from typing import NamedTuple, Self
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser, LexborNode

from triage.message.mime.links import TARGET_LIMIT, browser_target
from triage.say import say

SIZE_LIMIT = 2 * 1024 * 1024  # characters
TAG_LIMIT = 60_000
DEPTH_LIMIT = 1_000
UNCLOSED_LIMIT = 150  # of those that every later block opens again: memory grows with the product (HTML, 13.2.4.3)
REOPENED_LIMIT = 200_000  # of them, by all tags together
ADOPTED = 4  # elements deep: an end tag further inside may leave a formatting element open (HTML, 13.2.6.4.7: eight, and items between)
ATTRIBUTE_LIMIT = 500  # in an element
BUILT_LIMIT = 2_000  # elements that a skeleton is made of
FEWEST_BUILT = 25  # of them: less is like everybody's

HIDING = re.compile(
    r"<!--(?:-?>|.*?(?:--!?>|\Z))|<(?P<raw>script|style|textarea|title|xmp|iframe|noembed|noframes)\b.*?(?:</(?P=raw)\b|\Z)",
    re.DOTALL | re.IGNORECASE,
)
SPACE = r" \t\n\f\r"  # between attributes, and no other space
ATTRIBUTE = re.compile(  # as a parser finds them (HTML, 13.2.5.32 ff.): a quote begins a value behind = alone
    rf"[^{SPACE}/>][^{SPACE}/>=]*+(?:[{SPACE}]*+=[{SPACE}]*+(?:\"[^\"]*\"|'[^']*'|[^{SPACE}>\"'][^{SPACE}>]*+)?+)?+"
)
TAG = re.compile(rf"<(?P<slash>/?)(?P<name>[a-zA-Z][^{SPACE}/>]*+)(?P<attributes>(?:[{SPACE}/]++|{ATTRIBUTE.pattern})*+)")
ANY_TAG = re.compile(r"<[/!?a-zA-Z][^<>]*>?")
NEVER_READ = re.compile(r"<(?:(script|style|title|head)\b|!--)", re.IGNORECASE)
ENDS = {name: re.compile(rf"</{name}\s*>", re.IGNORECASE) for name in ("script", "style", "title", "head")} | {"": re.compile("-->")}


def element_names(text: str) -> frozenset[str]:
    """A set of element names, written as one text."""
    return frozenset(text.split())


PAGE_PARTS = {  # by a word that is soon looked for, and what tells
    "form": (("<form",), re.compile(r"<form\b")),
    "password": (("password",), re.compile(r"<input\b[^<>]{0,300}?\btype\s{0,9}=\s{0,9}[\"']?password")),
    "script": (("<script", "javascript:"), re.compile(r"<script\b(?![^<>]{0,200}\bld\+json)|\bhref\s{0,9}=\s{0,9}[\"']?javascript:")),
}

VOID = element_names("area base basefont bgsound br col embed frame hr img input link meta param source track wbr")
CLOSED_BY_THEIR_LIKE = element_names("p li dt dd tr td th thead tbody tfoot option colgroup html head body")
ITEMS = {"li": "li", "dt": "dd", "dd": "dd"}
MERGED = element_names("html body")
FOREIGN = element_names("svg math")
CELLS = element_names("td th caption")
SCOPES = (
    CELLS | FOREIGN | element_names("applet marquee object select table template")
)  # HTML, 13.2.4.2; foreign ones end where a parser says
FORMATTING = element_names("a b big code em font i nobr s small strike strong tt u")

NOT_SHOWN = element_names("script style title head template iframe frame frameset noframes noembed datalist portal")
BLOCKS = element_names(
    "address article aside blockquote body center dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr"
    " li main menu nav ol p pre section summary table tbody td tfoot th thead tr ul"
)
PARAGRAPHS = element_names("p h1 h2 h3 h4 h5 h6 table blockquote pre ul ol dl")
ANCHORS = element_names("a v:group v:image v:line v:oval v:rect v:roundrect v:shape")  # with Outlook's drawings
LINKING = ANCHORS | element_names("area form")
CONDITION = re.compile(r"<!--\[if\b[^\]<>]{0,200}\]>", re.IGNORECASE)
CONDITION_END = re.compile(r"<!\[endif\]|-->", re.IGNORECASE)
COMPARED = 100_000_000  # characters that are looked through for what only Outlook shows; beyond that all of it is shown
OFFICE = re.compile(r"<xml\b.*?(?:</xml>|\Z)", re.IGNORECASE | re.DOTALL)  # settings of Office's programs
SLASHES = re.compile(r"^([a-z][a-z0-9+.-]*:)?[/\\]{2,}", re.IGNORECASE)  # before a host (WHATWG URL, 4.4)
BASE_LIMIT = 1_000  # characters of a base; of a longer one its host alone is read, since each link is joined to all its folders
LINK_TEXT_LIMIT = 300  # characters
LINK_PIECES = 5_000  # in which they are looked for
LINK_PIECE_LIMIT = 4_096  # characters of each that are looked at
RESERVED = re.compile("[\ue000-\ue003]")  # private use: they never come from mail, so that others may mark places in the text
SPACES = re.compile(r"\s+")
BLANKS = re.compile(r"[ \t\u00a0]+")
EMPTY_LINES = re.compile(r"\n{3,}")
NO_CHARACTER = re.compile(r"&#(?:[0-9]{100,}|[xX][0-9a-fA-F]{100,});?")  # more digits than any has; int() refuses 4,301 of them

Opened = dict[str, list[int]]  # by name, how deep each element lies
Mark = Callable[[str, str, str], str]


class Step(NamedTuple):
    """Step of the walk: an element opens or closes, or there is text."""

    kind: str  # open, close, text
    tag: str = ""
    text: str = ""
    node: LexborNode | None = None


def too_much(html: str) -> str:
    """Returns the reason why this HTML is not parsed, in words; "" when it may be. Refuses what takes parsers quadratic time or memory."""
    if len(html) > SIZE_LIMIT:
        return say("its HTML is larger than {value} MB", value=SIZE_LIMIT // 1024 // 1024)
    if html.count("<") > TAG_LIMIT and sum(1 for _ in ANY_TAG.finditer(html)) > TAG_LIMIT:
        return say("its HTML has more than {tag_limit} tags", tag_limit=TAG_LIMIT)
    whole, position = Nesting(), 0
    for hiding in HIDING.finditer(html):
        whole.read(html[position : hiding.start()])
        whole.add(Nesting().read(hiding[0][1:]))  # where a parser disagrees about comments, these are elements
        position = hiding.end()
        if whole.reason:
            break
    return whole.read(html[position:]).reason or Crowd().read(html).reason


def page_parts(html: str) -> tuple[str, ...]:
    """Returns which of form, password field and script a page has. Searches its source, so it is bounded for any size."""
    source = html.lower()
    return tuple(name for name, (hints, pattern) in PAGE_PARTS.items() if any(hint in source for hint in hints) and pattern.search(source))


def html_skeleton(html: str) -> str:
    """Digest of the elements of an HTML page in order, whatever its words; "" for a page with few. Bounded for any size."""
    names = (found["name"].casefold() for found in TAG.finditer(html[:SIZE_LIMIT]) if not found["slash"])
    built = [name for name, _ in groupby(islice(names, BUILT_LIMIT))]
    return blake2b(" ".join(built).encode(), digest_size=8).hexdigest() if len(built) >= FEWEST_BUILT else ""


class Crowd:
    """Counts the attributes of elements: parsers compare each with each. Those of all `body` and `html` come together in one."""

    def __init__(self) -> None:
        self.merged = 0
        self.reason = ""

    def read(self, html: str) -> Self:
        """Count up to the first element that has too many."""
        for found in TAG.finditer(html):
            self.tag(found["name"].casefold(), found["attributes"])
            if self.reason:
                break
        return self

    def tag(self, name: str, attributes: str) -> None:
        """Counts the attributes of a tag against the limit."""
        count = attribute_count(attributes) if name in MERGED or len(attributes) > ATTRIBUTE_LIMIT else 0
        self.merged += count if name in MERGED else 0
        if max(count, self.merged) > ATTRIBUTE_LIMIT:
            self.reason = say("its HTML has an element of more than {attribute_limit} attributes", attribute_limit=ATTRIBUTE_LIMIT)


class Nesting:
    """Counts what is open in HTML as it is read piece by piece, never less than a parser has open."""

    def __init__(self) -> None:
        self.depth = 0  # elements that are open
        self.unclosed = 0  # formatting elements among them
        self.reopened = 0  # formatting elements that tags may have made a parser open again
        self.compared = 0  # attributes that a parser may have compared with those of formatting elements that are open
        self.doubtful = 0  # elements more that nest where a parser takes them for others than they are nearly everywhere
        self.foreign = False  # an svg or math has begun: what is closed by its like in HTML is not there
        self.item = ""  # the list item that began last
        self.scopes: list[tuple[str, Opened]] = [("", {})]  # what is open since each element that end tags do not reach out of
        self.crowd = Crowd()

    @property
    def reason(self) -> str:
        """Reason why the nesting is too much, in words; "" when it is not."""
        if (
            max(self.depth, self.doubtful) > DEPTH_LIMIT
            or self.unclosed > UNCLOSED_LIMIT
            or max(self.reopened, self.compared // 100) > REOPENED_LIMIT
        ):
            return say("its HTML is nested too deeply")
        return self.crowd.reason

    def read(self, html: str) -> Self:
        """Go on with this piece, as far as it is not too much."""
        for found in TAG.finditer(html):
            name = found["name"].casefold()
            if found["slash"]:
                self.close(name)
            else:
                self.open(name, found["attributes"])
            if self.reason:
                break
        return self

    def add(self, hidden: Self) -> None:
        """Adds the counts of a section that is perhaps no element, such as a comment."""
        self.depth += hidden.depth
        self.doubtful += hidden.doubtful
        self.unclosed += hidden.unclosed
        self.reopened += hidden.reopened
        self.compared += hidden.compared
        self.crowd.reason = self.crowd.reason or hidden.crowd.reason

    def open(self, name: str, attributes: str) -> None:
        """A start tag."""
        self.crowd.tag(name, attributes)
        if name in VOID:
            return
        if name in FORMATTING:
            self.compared += attribute_count(attributes) ** 2 * self.unclosed
            self.unclosed += 1
        else:
            self.reopened += self.unclosed
        if name in CLOSED_BY_THEIR_LIKE:
            self.doubtful += self.nests(name)
        else:
            self.depth += 1
            self.scopes[-1][1].setdefault(name, []).append(self.depth)
        self.scope(name)

    def scope(self, name: str) -> None:
        """An element begins that end tags within it do not reach out of; a cell ends the one before it."""
        if name in CELLS and self.scopes[-1][0] in CELLS:
            self.leave()
        if name in SCOPES:
            self.scopes.append((name, {}))
        self.foreign = self.foreign or name in FOREIGN

    def nests(self, name: str) -> bool:
        """Whether an element that its like closes may lie in an open one of the same name."""
        if name in ITEMS:
            kind, self.item = self.item, ITEMS[name]
            return kind not in ("", self.item)  # each closes its like as far as the last of the other kind
        return self.foreign

    def close(self, name: str) -> None:
        """An end tag. It closes what was opened since the innermost scope began, unless that is a formatting element far outside."""
        if name == "table" and self.scopes[-1][0] in CELLS:
            self.leave()
        if name == self.scopes[-1][0] and name not in FOREIGN:
            self.leave()
        self.reopened += 0 if name in FORMATTING else self.unclosed
        places = self.scopes[-1][1].get(name)
        if not places or (name in FORMATTING and self.depth - places[-1] >= ADOPTED):
            return
        places.pop()
        self.depth -= 1
        self.unclosed -= 1 if name in FORMATTING else 0

    def leave(self) -> None:
        """The innermost scope ends. What is open in it stays so: in case that a parser has ignored its beginning."""
        _, inner = self.scopes.pop()
        for name, places in inner.items():
            self.scopes[-1][1].setdefault(name, []).extend(places)


def attribute_count(attributes: str) -> int:
    """Counts the attributes in a tag."""
    return sum(1 for _ in ATTRIBUTE.finditer(attributes))


def walk_html(html: str) -> Iterator[Step]:
    """Walks all elements and texts in document order, without the parts that are never shown. Only for HTML that is not `too_much`."""
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


def get_attribute(node: LexborNode | None, name: str) -> str:
    """An attribute's value, "" without one."""
    return (node.attributes.get(name) or "") if node is not None else ""


def is_unmarked_link(text: str, target: str, there: str) -> str:
    """A link stays in the text as it stands there."""
    return there


def text_and_links(html: str, mark: Mark = is_unmarked_link) -> tuple[str, list[tuple[str, str]]]:
    """Returns an HTML message as running text with a line for each block, and its links as (text, target) in order.

    `mark` may dress a link's text; it is given that text, the target and what is shown there.
    """
    out: list[str] = []
    links: list[tuple[str, str]] = []
    opened: list[tuple[str, int]] = []  # the links that are open: target, where their text begins in `out`
    base = base_of(html)
    for step in walk_html(html):
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
    return tidy_lines("".join(out)), links


def for_outlook(html: str) -> str:
    """Returns HTML in comments for Outlook alone, if it says or opens anything that the rest does not; else ""."""
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
    known, lines = collapse_layout(all_text), dict.fromkeys(map(collapse_layout, text.split("\n")))
    says = len(known) * len(lines) > COMPARED or any(line not in known for line in lines)
    return page if says or {target for _, target in links} - {target for _, target in all_links} else ""


def collapse_layout(text: str) -> str:
    """Text without what its layout makes of it."""
    return " ".join(text.casefold().split())


def words_of(step: Step) -> str:
    """Returns the words or breaks that one step of the walk adds to the running text."""
    if step.kind == "text":
        text = SPACES.sub(" ", step.text)
        return text if text.isascii() else RESERVED.sub("", text)
    if step.tag in PARAGRAPHS:
        return "\n\n"
    if step.tag in BLOCKS or (step.tag == "br" and step.kind == "open"):
        return "\n"
    return RESERVED.sub("", get_attribute(step.node, "alt")) if step.tag == "img" and step.kind == "open" else ""


def base_of(html: str) -> str:
    """The address that relative links are relative to; "" in nearly all messages."""
    if "<base" not in html.casefold():
        return ""
    base = SLASHES.sub(r"\1//", browser_address(get_attribute(LexborHTMLParser(html).css_first("base[href]"), "href")))
    return base if len(base) <= BASE_LIMIT else join_target(base, "/")


def target_of(step: Step, base: str) -> str:
    """Returns the target of an element: the href of a link, the action of a form; "" where nothing outside is opened."""
    target = (
        browser_address(get_attribute(step.node, "action" if step.tag == "form" else "href") or get_attribute(step.node, "xlink:href"))
        if step.kind == "open"
        else ""
    )
    if not target or target.startswith("#"):
        return ""
    return join_target(base, SLASHES.sub(r"\1//", target))[:TARGET_LIMIT] if base else target


def join_target(base: str, target: str) -> str:
    """Resolves a relative link against this base; returns the target unchanged where it cannot be parsed."""
    try:
        return urljoin(base, target)
    except ValueError:
        return target


def browser_address(written: str) -> str:
    """An address in an attribute as a browser takes it, as far as targets are looked at."""
    return browser_target(written)[:TARGET_LIMIT]


def link_text(step: Step, pieces: list[str]) -> str:
    """Returns the text of a link as the reader sees it."""
    if step.tag == "form":
        return "(form)"
    return " ".join("".join(text_beginning(pieces)).split())[:LINK_TEXT_LIMIT] or get_attribute(step.node, "alt") or "(picture)"


def text_beginning(pieces: list[str]) -> Iterator[str]:
    """The pieces in which a link's text begins. A thousand links may lie in each other and share all that follows."""
    left = LINK_TEXT_LIMIT
    for piece in islice(pieces, LINK_PIECES):
        begin = piece[:LINK_PIECE_LIMIT]
        yield begin
        left -= sum(map(len, begin.split()))
        if left < 0:
            break


def tidy_lines(text: str) -> str:
    """Lines without white space at their ends, never more than one empty line."""
    lines = "\n".join(line.strip() for line in BLANKS.sub(" ", text).split("\n"))
    return EMPTY_LINES.sub("\n\n", lines).strip()


def crude_text(html: str) -> str:
    """The words of HTML that is too much to parse: everything between tags, at most `SIZE_LIMIT` of it."""
    return tidy_lines(unescape_references(ANY_TAG.sub(" ", without_unread(html[:SIZE_LIMIT]))))


def unescape_references(text: str) -> str:
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
