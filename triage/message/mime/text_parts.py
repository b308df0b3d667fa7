"""All texts of a message: which of its parts they are, which of them a program shows, and the links that plain ones hold."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from triage.message.mime.calendar import read_calendar as calendar_of
from triage.message.mime.decoding import text_of
from triage.message.mime.format_flowed import unflow_text
from triage.message.mime.html_text import for_outlook
from triage.message.mime.mime_parts import Part

READ_LIMIT = 8 * 1024 * 1024  # bytes of one text that are looked at
PLAIN_LINK = re.compile(r"(?:https?://|ftp://|www\.)[^\s<>\"]{3,4000}", re.IGNORECASE)
AFTER_LINK = ".,;:!?'*_|"  # ends the sentence, not the link


class Text(NamedTuple):
    """Text part of a message."""

    text: str
    is_html: bool
    within: tuple[tuple[int, int], ...]  # each multipart/alternative around it and which branch of that, as places among the parts
    for_outlook: bool = False  # what Outlook alone shows of the HTML before
    of_calendar: bool = False  # what an invitation says of itself: mostly again what the words beside it say


def texts_of(parts: list[Part]) -> Iterator[Text]:
    """All that the message says."""
    path: list[int] = []
    for place, part in enumerate(parts):
        path[part.depth :] = [place]
        within = tuple(pair for pair in pairwise(path) if parts[pair[0]].media_type == "multipart/alternative")
        if part.media_type == "text/calendar":
            yield Text(calendar_of(text_of(part.content()[:READ_LIMIT], part.charset)).words, False, within, of_calendar=True)
        if not is_text(part):
            continue
        is_html = part.media_type == "text/html"
        text = text_of(part.content()[:READ_LIMIT], part.charset)
        if part.options.get("format", "").casefold() == "flowed" and not is_html:
            text = unflow_text(text, delsp=part.options.get("delsp", "").casefold() == "yes")
        yield Text(text, is_html, within)
        if is_html and (more := for_outlook(text)):
            yield Text(more, True, within, True)


def is_text(part: Part) -> bool:
    """Whether this part is read as the message's text. Everything else that has content is an attachment."""
    if part.media_type not in ("text/plain", "text/html", "text/enriched"):
        return False
    return part.disposition != "attachment" and (part.is_body or not part.name)


def as_preferred(texts: list[Text], *, html: bool) -> list[Text]:
    """The texts without those that are another form of one in HTML, or in plain text: as a program shows them that prefers it.

    An invitation speaks for itself where nothing else does.
    """
    spoken = [one for one in texts if not one.of_calendar]
    texts = spoken if any(one.text.strip() for one in spoken) else texts
    branches: dict[int, set[int]] = {}
    for one in texts:
        for alternative, branch in one.within if one.is_html is html and one.text.strip() else ():
            branches.setdefault(alternative, set()).add(branch)
    return [one for one in texts if one.is_html is html or not any(branches.get(around, {at}) - {at} for around, at in one.within)]


def plain_links(text: str) -> Iterator[tuple[int, str]]:
    """The links in plain text: where each begins and how it is written."""
    folded = text.casefold()
    if "://" not in folded and "www." not in folded:  # a hundred times as fast as to look for the whole pattern
        return
    for found in PLAIN_LINK.finditer(text):
        shown = found[0].rstrip(AFTER_LINK)
        yield found.start(), shown.partition(")")[0] if "(" not in shown else shown


def plain_target(shown: str) -> str:
    """Returns the target of a link in plain text."""
    return shown if "://" in shown else f"http://{shown}"
