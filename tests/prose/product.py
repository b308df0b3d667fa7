"""The sentences of the product: of the console and its German, and of the server's catalogues."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

from babel.messages.pofile import read_po

from tests.prose.rules import QUOTED, ROOT, VALUE, Fault, banned

SOURCES = ROOT / "webui" / "src"
SAID = re.compile(r"(?<![\w.])(?:t|plural)\(\s*'((?:[^'\\]|\\.)*)'")
COMMENT = re.compile(r"<!--(.*?)-->|/\*(.*?)\*/|(?:^|(?<=[\s;{}),]))//(?!/)(.*?)$", re.DOTALL | re.MULTILINE)
GENERATED = {"webui/src/lib/schema/types.ts"}  # its comments are descriptions of the API
SCRIPT = re.compile(r"<(script|style)\b.*?</\1>|<!--.*?-->", re.DOTALL)
LABEL = re.compile(r'\b(?:title|aria-label|placeholder|alt|label)="([^"]+)"')
TAG = re.compile(r"<[^>]*>")
PROSE = re.compile(r"[A-Za-z]{2,}")
NOT_TRANSLATED = {"Mailroom", "lists.example"}  # a name, and a domain to copy
LINE = re.compile(r"^  '((?:[^'\\]|\\.)*)': '((?:[^'\\]|\\.)*)',$", re.MULTILINE)
CATALOGUES = ROOT / "triage" / "text" / "i18n"


def console() -> dict[str, str]:
    """Each English sentence of the console, and the file that says it."""
    files = [path for path in sorted(SOURCES.rglob("*")) if path.suffix in (".svelte", ".ts") and "languages" not in path.parts]
    return {words.replace("\\'", "'"): str(path.relative_to(ROOT)) for path in files for words in SAID.findall(path.read_text("utf-8"))}


def untranslated(source: str) -> list[str]:
    """Texts and labels that a component shows as they stand, outside `t(…)` and every other expression."""
    template = without_expressions(SCRIPT.sub("", source))
    shown = [text.strip(" ·\n") for text in (*LABEL.findall(template), *TAG.split(template))]
    return [text for text in shown if PROSE.search(text) and text not in NOT_TRANSLATED]


def without_expressions(template: str) -> str:
    """Drops what is within braces, also nested ones."""
    depth, kept = 0, []
    for piece in re.split(r"([{}])", template):
        depth += {"{": 1, "}": -1}.get(piece, 0)
        kept.append("" if depth or piece == "}" else piece)
    return "".join(kept)


def comments() -> Iterator[tuple[str, str]]:
    """Each comment of the console's sources, with its file."""
    for path in (one for one in sorted(SOURCES.rglob("*")) if one.suffix in (".svelte", ".ts", ".css")):
        if (name := str(path.relative_to(ROOT))) not in GENERATED:
            yield from ((name, comment) for comment in find_comments(path.read_text("utf-8")))


def find_comments(source: str) -> list[str]:
    """Comments of one source of the console, each in one line."""
    return [" ".join("".join(found).split()) for found in COMMENT.findall(source)]


def translations() -> dict[Path, dict[str, str]]:
    """The tables of the console's languages."""
    return {
        path: {english.replace("\\'", "'"): said for english, said in LINE.findall(path.read_text("utf-8"))}
        for path in sorted((SOURCES / "languages").glob("*.ts"))
    }


def catalogues() -> Iterator[tuple[Path, str, str]]:
    """Each sentence of the server in English and in another language."""
    for path in sorted(CATALOGUES.glob("*.po")):
        with path.open("rb") as file:
            for one in (message for message in read_po(file, locale=path.stem) if message.id):
                english, here = ((text,) if isinstance(text, str) else tuple(text or ()) for text in (one.id, one.string))
                yield from ((path, first, second) for first, second in zip_longest(english, here, fillvalue=""))


def faults() -> Iterator[Fault]:
    """Banned words, and translations that are missing, stale or mistyped."""
    said = console()
    for words, file in said.items():  # counted for the console as a whole: files move
        for section in ("banned", "console"):
            yield from (replace(fault, text=f"{file}: {words}") for fault in banned("webui/src", words, section))
    for path in sorted(SOURCES.rglob("*.svelte")):
        yield from (
            Fault(str(path.relative_to(ROOT)), "plain text", text, "show it by t('…')") for text in untranslated(path.read_text("utf-8"))
        )
    for file, comment in comments():
        yield from banned(file, QUOTED.sub("“”", comment), "code")
    for path, table in translations().items():
        yield from faults_of_table(str(path.relative_to(ROOT)), table, said)
    for path, english, german in catalogues():
        name = str(path.relative_to(ROOT))
        yield from banned(name, english)
        yield from banned(name, german, "german")


def faults_of_table(name: str, table: Mapping[str, str], said: Mapping[str, str]) -> Iterator[Fault]:
    """Finds the faults in one language of the console."""
    yield from (Fault(name, "missing", words, "not translated") for words in said.keys() - table.keys())
    for words, german in table.items():
        yield from banned(name, german, "german")
        yield from banned(name, german, "console-german")
        if words not in said:
            yield Fault(name, "stale", words, "nothing says it any more")
        if not german:
            yield Fault(name, "missing", words, "not translated")
        elif set(VALUE.findall(words)) != set(VALUE.findall(german)):
            yield Fault(name, "mistyped", words, "other values than in English")
        elif words.count("|") != german.count("|"):
            yield Fault(name, "mistyped", words, "other plural forms than in English")
