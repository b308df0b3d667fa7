"""Hostile messages as a harmless document: no script, nothing loaded, links as numbered text (console.md, section 2, layer 1).

The document is written again from what is allowed, and then cleaned by nh3 as if it had come from a stranger. Layer 2 is
FRAME_HEADERS, layer 3 the console's `<iframe sandbox>`.
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from html import escape
from itertools import count
from typing import Any, Literal, Self
from urllib.parse import unquote, unquote_to_bytes

from triage.message.mime import links
from triage.message.mime.decoding import base64_bytes
from triage.message.mime.html_text import (
    ANCHORS,
    BLOCKS,
    LINK_TEXT_LIMIT,
    RESERVED,
    VOID,
    Step,
    base_of,
    crude_text,
    get_attribute,
    link_text,
    target_of,
    text_and_links,
    too_much,
    walk_html,
    words_of,
)
from triage.message.mime.images import recognise_image
from triage.message.mime.links import TARGET_LIMIT, browser_target
from triage.message.mime.mime_parts import SMIME, Part, TooMuch, parts_of
from triage.message.mime.text_parts import Text, as_preferred, plain_links, plain_target, texts_of
from triage.message.preview.allowlist import ATTRIBUTE_VALUE, FROM_MAIL, TAGS, clean_html, clean_style, is_of
from triage.message.preview.remarks import write_remark
from triage.say import say
from triage.text.sanitize import escape_visible, readable_text

FRAME_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-DNS-Prefetch-Control": "off",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

LINK_LIMIT = 500
TEXT_LIMIT = 200_000  # characters of the text view
PICTURES_LIMIT = 8 * 1024 * 1024  # bytes of all pictures that are shown
TINY = 3  # pixels: such a picture counts opens or keeps a place

REPLACED = {"body": "div", "details": "div", "summary": "div", "fieldset": "div", "nav": "div", "menu": "ul", "legend": "div"}
INLINE = re.compile(r"[^,]{0,200};\s{0,9}base64,(.*)", re.IGNORECASE | re.DOTALL)

STYLE = (
    "html{background:#fff;color:#13201b}body{margin:16px;font:15px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}"
    "img{max-width:100%;height:auto}table{max-width:100%}pre{white-space:pre-wrap}"
    ".lk{text-decoration:underline;color:#0a4a82}.lk sup{font:bold 11px/1 system-ui,sans-serif;margin-left:2px}"
    ".np{display:inline-block;padding:1px 6px;border:1px dashed #6b7a73;color:#4a5750;background:#f3f6f4;font:12px system-ui,sans-serif}"
    ".note{padding:8px 12px;margin:0 0 12px;border:1px solid #745000;color:#5a3e00;background:#fff8e6}"
    ".tx{white-space:pre-wrap;unicode-bidi:plaintext;font:15px/1.5 system-ui,sans-serif}"
)
OPEN, NUMBERED, CLOSE, CLOSED = "\ue000", "\ue001", "\ue002", "\ue003"  # around a link in text; `html_text.RESERVED`
MARK = re.compile(f"{OPEN}(\\d+){NUMBERED}|{CLOSE}(\\d+){CLOSED}")

STEP = ' id="t0"'  # of what the console scrolls to, one after the other; `in_order` gives the numbers
STEPS = re.compile(r'(<[^<>]* id=")t0(?=">)')  # never in text, where no < is

Mode = Literal["html", "text"]


@dataclass(frozen=True, slots=True)
class NumberedLink:
    """Link of a message and its number in the document."""

    number: int  # from 1
    text: str  # what the reader sees
    target: str  # what it opens
    host: str  # in its ASCII form, "" when the target has none
    warnings: tuple[str, ...] = ()
    code_in: str = ""  # the picture or document whose QR code it is, "" for other links


@dataclass(frozen=True, slots=True)
class Preview:
    """A message made harmless. `wrap_document` is a whole HTML document, for a frame of its own with FRAME_HEADERS."""

    document: str
    links: tuple[NumberedLink, ...] = ()  # the same in both modes
    hidden_pictures: int = 0  # that were not loaded
    truncated: bool = False  # not everything is shown, or not as it was meant to be

    def as_json(self) -> dict[str, Any]:
        """Plain values; `from_json` reads them back."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The value that `as_json` wrote."""
        numbered = tuple(NumberedLink(**one | {"warnings": tuple(one["warnings"])}) for one in values["links"])
        return cls(values["document"], numbered, values["hidden_pictures"], values["truncated"])


class LinkTable:
    """The links of a message as they get their numbers."""

    def __init__(self) -> None:
        self.listed: dict[tuple[str, str], NumberedLink] = {}
        self.by_target: dict[str, int] = {}

    def number(self, text: str, target: str) -> int:
        """The number of this link; 0 when there are too many."""
        key = (readable_text(" ".join(text.split()))[:LINK_TEXT_LIMIT], escape_visible(RESERVED.sub("", target))[:TARGET_LIMIT])
        if key in self.listed:
            return self.listed[key].number
        if len(self.listed) >= LINK_LIMIT:
            return 0
        number = len(self.listed) + 1
        self.listed[key] = NumberedLink(number, *key, links.link_destination(key[1]).host, links.link_warnings(*key))
        self.by_target.setdefault(key[1], number)
        return number

    def number_of_plain(self, shown: str) -> int:
        """The number of a link that stands in plain text: of the same target, whatever it was called before."""
        target = plain_target(shown)
        return self.by_target.get(escape_visible(target)[:TARGET_LIMIT]) or self.number(shown, target)


def render_preview(raw: bytes, mode: Mode) -> Preview:
    """The message as a harmless document. Never raises; what cannot be shown says why."""
    try:
        parts = parts_of(raw)
    except TooMuch as limit:
        return Preview(wrap_document(preview_note(say("This message cannot be shown: {why}.", why=limit))), truncated=True)
    texts = [one._replace(text=RESERVED.sub("", one.text)) for one in texts_of(parts)]
    rich = [one for one in texts if one.is_html]
    reason = next((reason for one in rich if (reason := too_much(one.text))), "")
    writer = Writer(parts)
    pages = {} if reason else {one: writer.written(one.text) for one in rich}
    plain = {one: mark_links(one.text, writer.table) for one in texts if not one.is_html and one.text.strip()}
    if mode == "html" and any(pages.values()):
        shown = (page_of(one, pages, plain) for one in as_preferred(texts, html=True))
        return Preview(wrap_document(signature_remark(parts) + "".join(shown)), tuple(writer.table.listed.values()), writer.hidden)
    words = [
        plain[one]
        if one in plain
        else mark_links(crude_text(one.text), writer.table)
        if reason
        else text_and_links(one.text, writer.mark)[0]
        for one in as_preferred(texts, html=False)
        if one in plain or one.is_html
    ]
    cut = sum(map(len, words)) > TEXT_LIMIT
    remark = preview_note(say("Shown as text: {why}.", why=reason)) if reason else ""
    page = wrap_document(signature_remark(parts) + remark + (text_document(words) or preview_note(describe_silence(parts))))
    return Preview(page, tuple(writer.table.listed.values()), writer.hidden, cut or bool(reason))


def signature_remark(parts: list[Part]) -> str:
    """A remark above what lies within a signature: it vouches for nothing."""
    enclosed = any(part.is_enclosed for part in parts)
    return preview_note(say("All or part of it is signed (S/MIME). Mailroom does not check this signature.")) if enclosed else ""


def describe_silence(parts: list[Part]) -> str:
    """Says in a sentence why a message shows nothing."""
    kind = parts[0].media_type
    if kind == "multipart/encrypted" or kind in SMIME:
        if parts[0].options.get("smime-type", "").casefold() == "signed-data":
            return say("The whole message is inside its signature (S/MIME): only a mail program can show it.")
        return say("This message is encrypted: only its recipient can read it.")
    return say("This message has no text.")


def render_json(raw: bytes, options: Mapping[str, Any]) -> bytes:
    """`render_preview` for a bounded child: the Preview as JSON. Options: mode, "html" or "text"."""
    return json.dumps(render_preview(raw, "text" if options.get("mode") == "text" else "html").as_json()).encode()


def unavailable_document(reason: str) -> Preview:
    """Returns a document for a message whose rendering failed in the sandbox. `reason` is a clause without a full stop."""
    return Preview(
        wrap_document(preview_note(say("This message cannot be shown: {why}. You can still download its source.", why=reason))),
        truncated=True,
    )


def mark_links(text: str, table: LinkTable) -> str:
    """Plain text with its links marked."""
    out, end = [], 0
    for begin, shown in plain_links(text):
        number = table.number_of_plain(shown)
        out += [text[end:begin], mark_link(number, shown)]
        end = begin + len(shown)
    return "".join([*out, text[end:]])


def mark_link(number: int, text: str) -> str:
    """The text of a link between marks."""
    return f"{OPEN}{number}{NUMBERED}{text}{CLOSE}{number}{CLOSED}" if number else text


def text_document(words: list[str]) -> str:
    """Marked text as HTML; a step to scroll to at each paragraph."""
    text = readable_text("\n\n".join(words)[:TEXT_LIMIT]).strip()
    if not text:
        return ""
    paragraphs = re.split(r"\n[ \t]*\n\s*", text)
    html = "\n\n".join(f"<span{STEP}></span>{MARK.sub(mark_as_html, escape(paragraph, quote=False))}" for paragraph in paragraphs)
    return f'<div class="tx">{RESERVED.sub("", html)}</div>'


def mark_as_html(found: re.Match[str]) -> str:
    """The beginning or the end of a link in text."""
    return f'<span class="lk" data-n="{found[1]}">' if found[1] else f"<sup>{found[2]}</sup></span>"


def page_of(one: Text, pages: Mapping[Text, str], plain: Mapping[Text, str]) -> str:
    """Page of the HTML view for one text."""
    if one.is_html:
        return (preview_note(say("Only Outlook shows the following part.")) if one.for_outlook else "") + pages[one]
    return text_document([plain.get(one, "")])


def in_order(html: str) -> str:
    """Cleaned HTML with its steps numbered from above. Not before: a step goes with an element that is nothing where it stands."""
    number = count(1)
    return STEPS.sub(lambda found: f"{found[1]}t{next(number)}", html)


def wrap_document(body: str) -> str:
    """A whole document around a body, which is cleaned first."""
    head = f'<head><meta charset="utf-8"><title>Message</title><style>{STYLE}</style></head>'
    return f"<!doctype html><html>{head}<body>{in_order(clean_html(body))}</body></html>"


def preview_note(text: str) -> str:
    """A remark of ours above the message."""
    return write_remark("div", "note", text)


class Writer:
    """Writes HTML again from what is allowed of it."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self.pictures = {part.content_id: part for part in parts if part.content_id and part.is_leaf}
        self.seen: dict[str, tuple[str, int]] = {}  # of them, by their Content-ID
        self.table = LinkTable()
        self.hidden = 0
        self.room = PICTURES_LIMIT
        self.out: list[str] = []
        self.words: list[str] = []
        self.block = 0  # the place in `out` of the block that began last
        self.pending = ""  # what becomes a step when something is to be seen: that "block", or the "place" after one
        self.links: list[tuple[str, int, int]] = []  # links that are open: target, place in `out`, place in `words`

    def written(self, html: str) -> str:
        """The harmless form of one HTML text that is not `too_much`."""
        self.out, self.words, self.links, self.pending = [], [], [], ""
        base = base_of(html)
        for step in walk_html(html):
            self.words.append(words_of(step))
            if step.kind == "text":
                self.text(readable_text(step.text))
            elif step.kind == "open":
                self.open(step, base)
            else:
                self.close(step)
        return "".join(self.out)

    def mark(self, text: str, target: str, there: str) -> str:
        """A link of the text view, under the same number as in this one."""
        return mark_link(self.table.number(text, target), there)

    def text(self, text: str) -> None:
        """Text as text."""
        if text.strip():
            self.step()
        self.out.append(escape(text, quote=False))

    def step(self) -> None:
        """Makes the block that has just begun, or the place after one, a step to scroll to, because something is shown there."""
        if self.pending == "block":
            self.out[self.block] = self.out[self.block].removesuffix(">") + f"{STEP}>"
        elif self.pending == "place":
            self.out.append(f"<span{STEP}></span>")
        self.pending = ""

    def open(self, step: Step, base: str) -> None:
        """An element begins."""
        self.hidden += clean_style(get_attribute(step.node, "style"))[1] + bool(get_attribute(step.node, "background"))
        tag = REPLACED.get(step.tag, step.tag)
        if step.tag == "img":
            self.picture(step)
        elif step.tag == "input":
            self.field(step)
        elif step.tag in ANCHORS:
            self.links.append((target_of(step, base), len(self.out), len(self.words)))
            self.out.append("")
        elif step.tag in ("form", "area"):
            self.place_link(step, target_of(step, base))
        elif tag in TAGS:
            if tag in BLOCKS:
                self.block, self.pending = len(self.out), "block"
            self.out.append(f"<{tag}{step_attributes(step, tag)}>")

    def close(self, step: Step) -> None:
        """An element ends."""
        tag = REPLACED.get(step.tag, step.tag)
        if step.tag in ANCHORS:
            target, place, begin = self.links.pop()
            number = self.table.number(link_text(step, self.words[begin:]), target) if target else 0
            if number:
                self.out[place] = f'<span class="lk" data-n="{number}">'
                self.out.append(f"<sup>{number}</sup></span>")
        elif tag in TAGS and tag not in VOID:
            if tag in BLOCKS:
                self.pending = "place"
            self.out.append(f"</{tag}>")

    def place_link(self, step: Step, target: str) -> None:
        """Adds the numbered target of a form, or of a place in a picture."""
        text = link_text(step, [])
        if target and (number := self.table.number(text, target)):
            self.out.append(f'<span class="lk" data-n="{number}">{escape(escape_visible(text))}<sup>{number}</sup></span>')

    def field(self, step: Step) -> None:
        """A field of a form, as a word that says what it asks for."""
        kind = get_attribute(step.node, "type").casefold() or "text"
        if kind != "hidden":
            asked = escape_visible(get_attribute(step.node, "placeholder") or get_attribute(step.node, "value"))[:LINK_TEXT_LIMIT]
            self.step()
            words = say("{kind} field {asked}", kind=kind, asked=asked) if asked else say("{kind} field", kind=kind)
            self.out.append(write_remark("span", "np", words))

    def picture(self, step: Step) -> None:
        """A picture that the message brings along, or a word in place of one that would be loaded."""
        size = {name: get_attribute(step.node, name) for name in ("width", "height")}
        alt = escape_visible(get_attribute(step.node, "alt"))[:LINK_TEXT_LIMIT]
        source = self.embedded(browser_target(get_attribute(step.node, "src")))
        if source:
            given = "".join(f' {name}="{value}"' for name, value in size.items() if re.fullmatch(r"\d{1,4}%?", value))
            self.step()
            self.out.append(f'<img src="{source}" alt="{escape(alt)}"{given}>')
        elif get_attribute(step.node, "src") or get_attribute(step.node, "srcset"):
            self.hidden += 1
            if not any(value.isdecimal() and int(value[:9]) <= TINY for value in size.values()):
                measure = "×".join(value for value in size.values() if value.isdecimal() and len(value) <= 4)
                self.step()
                about = " ".join(f"{measure} {alt}".split())
                words = say("picture not loaded {about}", about=about) if about else say("picture not loaded")
                self.out.append(write_remark("span", "np", words))

    def embedded(self, source: str) -> str:
        """A picture of the message as a data: address; "" when it is none that may be shown, or there is no room left for it."""
        address, size = self.decoded(source)
        if size > self.room:
            return ""
        self.room -= size
        return address

    def decoded(self, source: str) -> tuple[str, int]:
        """The picture that a source names, and its bytes: a part of the message once, in however many places it stands."""
        scheme, _, rest = source.partition(":")
        if scheme.casefold() == "cid" and (part := self.pictures.get(unquote(rest))) and len(part.data) <= PICTURES_LIMIT:
            if part.content_id not in self.seen:
                self.seen[part.content_id] = as_address(part.content())
            return self.seen[part.content_id]
        if scheme.casefold() == "data" and (inline := INLINE.match(rest)):
            return as_address(base64_bytes(unquote_to_bytes(inline[1])))
        return "", 0


def as_address(data: bytes) -> tuple[str, int]:
    """A picture as a data: address, and its bytes; ("", 0) when it is none that may be shown."""
    picture = recognise_image(data)
    return (f"data:{picture.media_type};base64,{base64.b64encode(data).decode()}", len(data)) if picture else ("", 0)


def step_attributes(step: Step, tag: str) -> str:
    """The attributes of an element that a message may set."""
    given = {name: " ".join(get_attribute(step.node, name).split()) for name in sorted(FROM_MAIL[tag])}
    if step.tag == "body" and step.node is not None:  # html's own is gone with it
        given["dir"] = given["dir"] or get_attribute(step.node.parent, "dir").strip()
    kept = {name: value for name, value in given.items() if value and is_of(ATTRIBUTE_VALUE, value)}
    if styled := clean_style(get_attribute(step.node, "style"))[0]:
        kept["style"] = styled
    return "".join(f' {name}="{escape(value)}"' for name, value in kept.items())
