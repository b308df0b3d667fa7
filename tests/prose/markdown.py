"""Markdown as sentences, headings, links and code blocks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

FENCE = re.compile(r"^( *)(```+|~~~+)(\w*)")
ITEM = re.compile(r"^\s*(?:[-*+]|\d+\.)\s+")
HEADING = re.compile(r"^(#{1,6}) (.+?)\s*$")
LINK = re.compile(r"!?\[([^\]]*)\]\(([^)\s]+)\)")
CODE = re.compile(r"`+[^`]+`+")
END = re.compile(r"([.!?][”\"’)*_]*)\s+(?=[“\"‘(*_\[]*[A-Z0-9`§])")
ABBREVIATED = re.compile(r"\b(?:e\.g|i\.e|etc|vs|no|No|RFC \d+, \d+(?:\.\d+)*)\.$")
WORD = re.compile(r"\w")
TITLE = re.compile(r"^\*\*[^*]*[.?]\*\* ")
GENERATED = re.compile(r"<!-- what is on record.*?<!-- that was it -->", re.DOTALL)  # a table that a program writes, in names of its own


@dataclass(slots=True)
class Page:
    """Page of the docs: its sentences, headings and links, without code blocks."""

    path: Path
    prose: list[str] = field(default_factory=list)  # sentences of paragraphs and lists
    cells: list[str] = field(default_factory=list)  # sentences of tables
    headings: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    blocks: list[tuple[str, str]] = field(default_factory=list)  # language and text of each code block
    words: int = 0  # with those of code and tables

    @property
    def mean(self) -> float:
        """Words a sentence of its paragraphs and lists."""
        lengths = [length(one) for one in self.prose]
        return sum(lengths) / len(lengths) if lengths else 0.0


def length(sentence: str) -> int:
    """Words of a sentence; a code span or a link address counts as one."""
    return sum(1 for word in CODE.sub("x", sentence).split() if WORD.search(word))


def read(path: Path) -> Page:
    """Parse a page."""
    page, text = Page(path), path.read_text("utf-8")
    paragraph: list[str] = []
    page.words = sum(1 for word in re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL).split() if WORD.search(word))
    lines = iter(GENERATED.sub("", text).splitlines())

    def end() -> None:
        if paragraph:
            page.prose += sentences(" ".join(paragraph))
            paragraph.clear()

    before = ""
    for line in lines:
        if fence := FENCE.match(line):
            end()
            page.blocks.append((fence[3], block(lines, fence[2], len(fence[1]))))
        elif heading := HEADING.match(line):
            end()
            page.headings.append(heading[2])
        elif line.startswith("|"):
            end()
            cells = [cell for cell in re.split(r"(?<!\\)\|", line.strip("| ")) if not re.fullmatch(r"[ :-]*", cell)]
            page.cells += [one for cell in cells for one in sentences(cell)]
        elif not line.strip() or line.startswith("<!--"):
            end()
        elif line.startswith("    ") and not paragraph and not ITEM.match(before):
            page.blocks.append(("", line[4:] + "\n"))
            continue
        else:
            if ITEM.match(line):
                end()
            paragraph.append(ITEM.sub("", line).strip())
        before = line
    end()
    page.links = [target for _, target in LINK.findall(re.sub(r"(?ms)^ *(```|~~~).*?^ *\1", "", text))]
    return page


def block(lines: Iterator[str], fence: str, indent: int) -> str:
    """The lines of a code block up to its end."""
    found = []
    for line in lines:
        if line.strip().startswith(fence):
            break
        found.append(line[indent:])
    return "\n".join(found) + "\n"


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph, as a reader sees them: links by their text."""
    shown = LINK.sub(lambda link: link[1], text).replace("**", "").strip()
    whole = CODE.sub(lambda code: code[0].replace(" ", "\0"), shown)  # no sentence ends within code
    found: list[str] = []
    for piece in END.sub(r"\1\n", whole).replace("\0", " ").split("\n"):
        if found and ABBREVIATED.search(found[-1]):
            found[-1] += f" {piece}"
        elif WORD.search(piece):
            found.append(piece.strip())
    return found


def entries(text: str) -> Iterator[list[str]]:
    """Yields the sentences of each entry of a list, without a title in bold that ends like a sentence."""
    for entry in re.findall(r"(?ms)^- (.*?)(?=^- |^#|\Z)", text):
        yield sentences(TITLE.sub("", " ".join(entry.split())))


def slug(heading: str) -> str:
    """The anchor of a heading, as the site makes it."""
    plain = re.sub(r"[^\w\- ]", "", LINK.sub(lambda link: link[1], heading).replace("`", "").lower())
    return re.sub(r"[\s-]+", "-", plain).strip("-")
