"""Rules for texts: banned words, openings, long sentences, headings, links."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.prose import markdown
from tests.prose.markdown import Page

ROOT = Path(__file__).parents[2]
LONGEST, MEAN = 40, 18.0
SENTENCES = 2  # of an entry in the CHANGELOG, after its title
ALL_WORDS = 30_500  # of the docs, without generated reference and decisions: 30,000, and a margin for what new features have to say
QUOTED = re.compile(r"[“\"][^”\"]*[”\"]|`+[^`]*`+|\*[^*\s][^*]*\*")  # what the program says, as it says it
VALUE = re.compile(r"\{\w+\}")


@dataclass(frozen=True, slots=True)
class Fault:
    """A place to mend. `kind` is counted for each file, so that a list of old ones can shrink."""

    file: str
    kind: str
    text: str
    advice: str = ""


@cache
def words(section: str) -> Mapping[re.Pattern[str], str]:
    """A section of words.toml."""
    table = tomllib.loads((Path(__file__).parent / "words.toml").read_text("utf-8"))
    return {re.compile(pattern): advice for pattern, advice in table[section].items()}


@cache
def names() -> frozenset[str]:
    """Words that keep their capital letter."""
    return frozenset(tomllib.loads((Path(__file__).parent / "words.toml").read_text("utf-8"))["names"]["words"])


def banned(file: str, sentence: str, section: str = "banned") -> Iterator[Fault]:
    """Words that nobody searches for, or that have another name here."""
    for pattern, advice in words(section).items():
        for found in pattern.finditer(VALUE.sub("…", sentence)):
            yield Fault(file, found[0].lower() if section == "banned" else found[0], sentence, advice)


def faults_of_page(page: Page, *, decision: bool) -> Iterator[Fault]:
    """All that is wrong with one page."""
    file = str(page.path.relative_to(ROOT))
    yield from faults_of_sentences(file, page)
    for sentence in page.prose:
        for pattern, advice in words("openings").items():
            if found := pattern.match(sentence.lstrip('“"*(')):
                yield Fault(file, f"opens with {found[0].split()[0]}", sentence, advice)
    if page.mean > MEAN:
        yield Fault(file, f"mean above {MEAN:.0f} words", "", f"{page.mean:.1f} words a sentence")
    yield from faults_of_headings(file, page.headings[1:] if decision else page.headings)
    yield from faults_of_links(file, page)


def faults_of_old_record(page: Page) -> Iterator[Fault]:
    """Finds the faults that count in an old record too: banned words, long sentences, dead links."""
    file = str(page.path.relative_to(ROOT))
    yield from faults_of_sentences(file, page)
    yield from faults_of_links(file, page)


def faults_of_sentences(file: str, page: Page) -> Iterator[Fault]:
    """Banned words and long sentences of a page, in tables too."""
    for sentence in (*page.prose, *page.cells):
        yield from banned(file, QUOTED.sub("“”", sentence))
        if (count := markdown.length(sentence)) > LONGEST:
            yield Fault(file, f"above {LONGEST} words", sentence, f"{count} words")


def faults_of_headings(file: str, headings: list[str]) -> Iterator[Fault]:
    """Headings in sentence case."""
    for heading in headings:
        plain = markdown.LINK.sub(lambda link: link[1], QUOTED.sub("", heading))
        for clause in re.split(r"[:.?!] ", plain):
            for word in re.findall(r"[\w/-]+", clause)[1:]:
                if word[0].isupper() and word[1:].islower() and word not in names():
                    yield Fault(file, "heading", heading, f"{word}: sentence case, or a name for words.toml")


def faults_of_changelog(page: Page) -> Iterator[Fault]:
    """Finds entries that say more than an operator reads: further facts are an entry of their own, or a page of the docs."""
    for entry in markdown.entries(page.path.read_text("utf-8")):
        if len(entry) > SENTENCES:
            yield Fault(page.path.name, f"above {SENTENCES} sentences", entry[0], f"{len(entry)} sentences: split or shorten the entry")


def faults_of_links(file: str, page: Page) -> Iterator[Fault]:
    """Links that lead to a file, and to a heading in it."""
    for target in page.links:
        path, _, anchor = target.partition("#")
        if re.match(r"https?:|mailto:", target):
            continue
        there = (page.path.parent / path).resolve() if path else page.path
        if not there.exists():
            yield Fault(file, "link", target, "no such file")
        elif anchor and there.suffix == ".md" and anchor not in map(markdown.slug, markdown.read(there).headings):
            yield Fault(file, "link", target, "no such heading")
