"""What Mailroom says, in another language: its English sentences are known by their form, and said anew with the same values."""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

ENGLISH = "en"
LANGUAGES = (ENGLISH, *sorted(file.stem for file in Path(__file__).parent.glob("*.toml")))
LONGEST = 1000  # characters that a sentence of ours may have, whatever a stranger has written into it
DEEPEST = 6  # sentences within sentences
REMEMBERED = 8192  # sentences
BEGINNING = 3  # characters by which sentences are looked up
JOINS = "joins"  # the part of a catalogue that says what stands between sentences

# What may stand in a gap of a sentence.
VALUE, WORDS, NUMBER, MOMENT = "{}", "{*}", "{#}", "{@}"
FORMS = {
    VALUE: r"(.*?)",  # what others have written, or a name: it stays as it is
    WORDS: r"((?:[^“]|“[^”]*”)*?)",  # words of ours, which are said anew in turn: nothing parts what is quoted
    NUMBER: r"(\d[\d,]*(?:\.\d+)?)",
    MOMENT: r"(\d\d [A-Z][a-z]{2}(?: \d{4})?(?:,? \d\d:\d\d)?|\d+ (?:second|minute|hour|day)s? ago)",
}
GAP = re.compile("|".join(map(re.escape, FORMS)))


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with gaps: what knows it in English, and how it is said. `|` parts the forms for one and more."""

    words: tuple[str, ...]  # what stands between its gaps
    longest: str  # of these: most texts lack it
    known: re.Pattern[str]
    gaps: tuple[str, ...]
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Anew:
    """A text in another language. `known`: how many characters of ours in it were; `whole`: all of them."""

    text: str
    known: int
    whole: bool


def said(text: str, language: str) -> str:
    """A sentence of ours in this language; as it is in English, and where the language does not know it."""
    return text if language == ENGLISH or not text else anew(text, language, 0).text


def asked(accepted: str) -> str:
    """The language of ours that is asked for first by an Accept-Language (RFC 9110, 12.5.4): English unless another one is."""
    wanted = sorted(map(weighed, accepted.split(",")), key=lambda one: -one[0])
    return next((code for weight, tag in wanted for code in LANGUAGES if weight > 0 and tag.split("-")[0] == code), ENGLISH)


def weighed(part: str) -> tuple[float, str]:
    """A part of an Accept-Language: how much it is wanted, and the tag."""
    tag, _, weight = part.strip().casefold().partition(";")
    try:
        return float(weight.strip().removeprefix("q=") or 1), tag.strip()
    except ValueError:
        return 0, ""


@lru_cache(REMEMBERED)
def anew(text: str, language: str, depth: int) -> Anew:
    """A text in another language: read as the sentence, or the joined sentences, in which most words are ours."""
    unknown = Anew(text, 0, False)
    if len(text) > LONGEST or depth > DEEPEST:
        return unknown
    return max((*joined(text, language, depth), *matching(text, language, depth)), key=lambda one: one.known, default=unknown)


def joined(text: str, language: str, depth: int) -> Iterator[Anew]:
    """The text as sentences with something between them, where all of them are known."""
    if text.endswith(".") and (one := anew(text[:-1], language, depth + 1)).whole:
        yield Anew(f"{one.text}.", one.known + 1, True)
    for between, here in catalogue(language)[JOINS].items():
        pieces = parted(text, between) if between in text else []
        parts = [part_of(piece, between, language, depth + 1) for piece in pieces]
        if len(parts) > 1 and all(part.whole for part in parts):
            known = len(between) * (len(parts) - 1) + sum(part.known for part in parts)
            yield Anew(here.join(part.text for part in parts), known, True)


def part_of(piece: str, between: str, language: str, depth: int) -> Anew:
    """A part of joined sentences: known as it is, or with the full stop that parts it from the next one."""
    one = anew(piece, language, depth)
    if one.whole or not between.startswith(".") or piece.endswith("."):
        return one
    stopped = anew(f"{piece}.", language, depth)
    return Anew(stopped.text.removesuffix("."), stopped.known - 1, True) if stopped.whole else one


def parted(text: str, between: str) -> list[str]:
    """The parts of a text; what is quoted is not parted."""
    ends = [found.span() for found in re.finditer(f"“[^”]*”|{re.escape(between)}", text) if found[0] == between]
    return [text[start:end] for start, end in zip([0, *(end for _, end in ends)], [*(start for start, _ in ends), len(text)], strict=True)]


def matching(text: str, language: str, depth: int) -> Iterator[Anew]:
    """The text as each sentence that it may be."""
    begun = sentences(language)
    for sentence in (*begun.get(text[:BEGINNING], ()), *begun.get("", ())):
        if sentence.longest in text and (found := sentence.known.fullmatch(text)):
            yield filled(sentence, found.groups(), language, depth)


def filled(sentence: Sentence, values: tuple[str, ...], language: str, depth: int) -> Anew:
    """A sentence with its values put in."""
    parts = [in_language(gap, value, language, depth) for gap, value in zip(sentence.gaps, values, strict=True)]
    counts = [value for gap, value in zip(sentence.gaps, values, strict=True) if gap == NUMBER]
    form = sentence.said[form_of(counts[0], language) if len(sentence.said) > 1 else 0]
    known = sum(map(len, sentence.words)) + sum(part.known for part in parts)
    return Anew(re.sub(r"\{(\d)\}", lambda gap: parts[int(gap[1]) - 1].text, form), known, all(part.whole for part in parts))


def in_language(gap: str, value: str, language: str, depth: int) -> Anew:
    """A value as the language writes it."""
    if gap == WORDS:
        return anew(value, language, depth + 1)
    if gap == NUMBER:
        return Anew(number(value, language), len(value), True)
    return Anew(moment(value, language), len(value), True) if gap == MOMENT else Anew(value, 0, True)


def number(text: str, language: str) -> str:
    """A number, written "1,234.5" in English."""
    from babel.numbers import get_decimal_symbol, get_group_symbol  # here and below: only who needs it waits for it

    return text.translate({ord(","): get_group_symbol(language), ord("."): get_decimal_symbol(language)})


def moment(text: str, language: str) -> str:
    """A moment, written "24 Nov", "24 Nov 2026, 09:30" or "4 seconds ago" in English."""
    from babel.dates import format_skeleton, format_time, format_timedelta

    words = text.replace(",", "").split()
    if words[-1] == "ago":
        unit: Any = words[1].removesuffix("s")
        past = timedelta(**{f"{unit}s": -max(1, int(words[0]))})  # what is 0 seconds ago would be to come
        return str(format_timedelta(past, unit, add_direction=True, threshold=REMEMBERED, locale=language))
    yearly, timed = len(words) > 2 and ":" not in words[2], ":" in words[-1]
    day = datetime.strptime(" ".join(words[:3] if yearly else [*words[:2], "2024"]), "%d %b %Y")  # noqa: DTZ007 (only written anew)
    shown = str(format_skeleton("yMMMd" if yearly else "MMMd", day, locale=language))
    if not timed:
        return shown
    clock = datetime.strptime(words[-1], "%H:%M").time()  # noqa: DTZ007 (only written anew)
    return f"{shown}, {format_time(clock, 'short', locale=language)}"


def form_of(count: str, language: str) -> int:
    """Which of its forms a language has for so many, in the order zero, one, two, few, many, other."""
    from babel import Locale

    rule = Locale.parse(language).plural_form
    there: list[str] = [form for form in ("zero", "one", "two", "few", "many", "other") if form in rule.tags or form == "other"]
    return there.index(rule(float(count.replace(",", ""))))


@cache
def sentences(language: str) -> Mapping[str, Sequence[Sentence]]:
    """All that a language knows to say, by what it begins with in English; "": with a gap, or nearly."""
    table = {english: here for name, part in catalogue(language).items() if name != JOINS for english, here in part.items()}
    begun: dict[str, list[Sentence]] = defaultdict(list)
    for english, here in table.items():
        first = GAP.split(english)[0]
        begun[first[:BEGINNING] if len(first) >= BEGINNING else ""].append(as_known(english, here))
    return begun


@cache
def catalogue(language: str) -> Mapping[str, Mapping[str, str]]:
    """The file of a language: its sentences, by what they are about."""
    return tomllib.loads(Path(__file__).with_name(f"{language}.toml").read_text("utf-8"))


def as_known(english: str, here: str) -> Sentence:
    """A line of a catalogue."""
    gaps, words = tuple(GAP.findall(english)), tuple(GAP.split(english))
    known = re.escape(words[0]) + "".join(FORMS[gap] + re.escape(text) for gap, text in zip(gaps, words[1:], strict=True))
    return Sentence(tuple(filter(None, words)), max(words, key=len), re.compile(known, re.DOTALL), gaps, tuple(here.split("|")))
