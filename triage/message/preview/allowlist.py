"""Allowlist of HTML for previews: elements, attributes, styles. nh3, which parses as browsers do, applies it.

No element that loads, runs, frames or asks; no address but pictures that are in the document; no style that fetches or that moves
something out of its place.
"""

import re

import nh3

from triage.message.mime.html_text import NOT_SHOWN, element_names
from triage.message.preview.remarks import ATTRIBUTE
from triage.text.sanitize import HARMFUL

TAGS = element_names(
    "abbr address article aside b big blockquote br caption center cite code col colgroup dd del dfn div dl dt em figcaption figure font"
    " footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark ol p pre q s samp section small span strike strong sub sup"
    " table tbody td tfoot th thead tr tt u ul var wbr"
)
FOREIGN = element_names("math svg")  # whose words are written without them
EVERYWHERE = {"align", "valign", "bgcolor", "dir", "lang", "style", "id"}
ATTRIBUTES = {
    "table": {"width", "height", "border", "cellpadding", "cellspacing"},
    "td": {"width", "height", "colspan", "rowspan", "nowrap"},
    "th": {"width", "height", "colspan", "rowspan", "nowrap", "scope"},
    "tr": {"height"},
    "col": {"width", "span"},
    "colgroup": {"width", "span"},
    "font": {"color", "face", "size"},
    "hr": {"width", "size", "color"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start", "type"},
    "ul": {"type"},
    "li": {"value", "type"},
    "span": {"class", "data-n", ATTRIBUTE},
    "div": {"class", ATTRIBUTE},
}
FROM_MAIL = {tag: (ATTRIBUTES.get(tag, set()) | EVERYWHERE) - {"id", "class", "data-n", ATTRIBUTE, "src", "style"} for tag in TAGS}
ATTRIBUTE_VALUE = re.compile(r"[\w #.,%+/*()'-]{1,200}")
OURS = {
    "id": re.compile(r"t\d{1,6}"),
    "class": re.compile(r"lk|np|note|tx"),
    "data-n": re.compile(r"\d{1,3}"),
    ATTRIBUTE: re.compile(r"[A-Za-z0-9+/=]{1,20000}"),
    "src": re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+=*"),
}
STYLES = element_names(
    "background background-color border border-collapse border-color border-radius border-spacing border-style border-width box-sizing"
    " clear color direction display float font font-family font-size font-style font-variant font-weight height letter-spacing line-height"
    " list-style-type margin margin-bottom margin-left margin-right margin-top max-height max-width min-height min-width"
    " overflow-wrap padding padding-bottom padding-left padding-right padding-top table-layout text-align text-decoration text-indent"
    " text-transform vertical-align white-space width word-break word-spacing word-wrap"
) | {f"border-{side}{what}" for side in ("top", "right", "bottom", "left") for what in ("", "-color", "-style", "-width")}
STYLE_VALUE = re.compile(r"(?:[\w #.,%+/!-]|'[\w .,-]*'|\"[\w .,-]*\"|\b(?:rgb|rgba|hsl|hsla)\([\d .,%/]*\))*")
LONGEST_VALUE = 1000  # characters
REFUSED_STYLE = re.compile(r"(?:^|[\s,])-[\d.]|(?<![#\w])\d{5}")  # nothing is pushed out of its place
SEE_THROUGH = re.compile(  # Outlook knows none of it and shows the words
    r"transparent|(?:rgb|hsl)a?\((?:[^,)]*,){3}\s*+0*+(?:\.0\d*+)?+%?\s*+\)|/\s*+0*+(?:\.0\d*+)?+%?\s*+\)|#(?:\w{3}0|\w{6}0\w)\b",
    re.IGNORECASE,
)
FETCHED = re.compile(r"url\s*\(", re.IGNORECASE)


def clean_html(body: str) -> str:
    """Sanitizes HTML with nh3: keeps only elements, attributes, styles and addresses in the lists above."""
    return nh3.clean(
        body,
        tags=set(TAGS),
        clean_content_tags=(NOT_SHOWN | FOREIGN) - TAGS,
        attributes={tag: ATTRIBUTES.get(tag, set()) | EVERYWHERE for tag in TAGS},
        attribute_filter=check_attribute,
        url_schemes={"data"},
        url_relative="deny",
        link_rel=None,
        filter_style_properties=set(STYLES),
    )


def check_attribute(tag: str, name: str, value: str) -> str | None:
    """The value of an attribute, None to drop it."""
    if name == "style":
        return clean_style(value)[0] or None
    if name == "alt":
        return value
    return value if is_of(OURS.get(name) or ATTRIBUTE_VALUE, value) else None


def is_of(allowed: re.Pattern[str], value: str) -> bool:
    """Whether this value is as allowed, and nothing in it that nobody sees. A filler is a letter to `re`."""
    return allowed.fullmatch(value) is not None and HARMFUL.search(value) is None


def clean_style(text: str) -> tuple[str, int]:
    """The declarations of a style attribute that are harmless, and how many of the others would have fetched something."""
    kept, fetching = [], 0
    for declaration in text.split(";"):
        name, _, value = declaration.partition(":")
        name, value = name.strip().casefold(), " ".join(value.split())
        fetching += bool(FETCHED.search(value))
        sound = name in STYLES and 0 < len(value) <= LONGEST_VALUE and is_of(STYLE_VALUE, value) and not REFUSED_STYLE.search(value)
        if sound and not (name == "color" and SEE_THROUGH.search(value)):
            kept.append(f"{name}:{value}")
    return ";".join(kept), fetching
