"""The server's message catalogues: every sentence of the code in every language, none that nobody says, each with its parameters.

`python -m tests.catalogues --update` adds what is missing, to be translated, and sets aside what no code says any more.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from itertools import product
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

from triage.config.settings import every_key

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "triage" / "text" / "i18n"
SAYING = {"say": 1, "mark": 1, "say_count": 2}  # function: how many of its parameters are messages
MODULE = "triage.say"
GAP = re.compile(r"\{(\w*)\}")
WHOLE_LINES = 0  # of a catalogue: nothing is wrapped, so that a sentence can be searched


@dataclass(frozen=True, slots=True)
class Spoken:
    """A message where it is said. `given`: the parameters there; None: it is said elsewhere."""

    forms: tuple[str, ...]
    place: str
    given: frozenset[str] | None = field(default=None)

    @property
    def gaps(self) -> frozenset[str]:
        """The parameters that its words need."""
        return gaps_of(*self.forms)


def gaps_of(*forms: str) -> frozenset[str]:
    """The parameters named in forms of a message."""
    return frozenset(name for form in forms for name in GAP.findall(form))


def packages() -> Iterator[Path]:
    """The folders with code of the product."""
    yield from (folder.parent for folder in sorted(ROOT.glob("*/__init__.py")) if folder.parent.name not in ("tests", "bench"))


def spoken() -> Iterator[Spoken]:
    """Yields the sentences of the code."""
    for file in (file for folder in packages() for file in sorted(folder.rglob("*.py")) if "node_modules" not in file.parts):
        source = file.read_text("utf-8")
        if "say" in source or "mark(" in source:
            yield from said_in(ast.parse(source), str(file.relative_to(ROOT)))
    yield from (Spoken((one.metadata["doc"],), f"[{section}] {name}") for section, name, one in every_key())


def said_in(tree: ast.Module, name: str) -> Iterator[Spoken]:
    """Yields the sentences of a module."""
    imports = (one for one in ast.walk(tree) if isinstance(one, ast.ImportFrom) and one.module == MODULE)
    names = {alias.name for one in imports for alias in one.names} | (set(SAYING) if name.endswith("triage/say.py") else set())
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in names
            and (wanted := SAYING.get(node.func.id))
        ):
            named = (
                None
                if node.func.id == "mark"
                else None
                if any(one.arg is None for one in node.keywords)
                else frozenset(str(one.arg) for one in node.keywords)
            )
            for texts in product(*map(texts_of, node.args[:wanted])):
                yield Spoken(texts, f"{name}:{node.lineno}", named)


def texts_of(node: ast.expr) -> list[str]:
    """The messages that an argument may be: one, or one of two by a condition."""
    if isinstance(node, ast.IfExp):
        return [*texts_of(node.body), *texts_of(node.orelse)]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def languages() -> list[str]:
    """The languages that have a catalogue."""
    return sorted(file.stem for file in FOLDER.glob("*.po"))


def catalogue(language: str) -> Catalog:
    """The catalogue of a language."""
    with (FOLDER / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def forms_of(message: Message) -> tuple[str, ...]:
    """A translation: one form, or one for each plural form."""
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


def faults(language: str) -> Iterator[str]:
    """List messages that are missing in a catalogue, stale, mistyped, or lack a plural form."""
    code, plurals = list(spoken()), catalogue_plurals(language)
    known = {(one.id,) if isinstance(one.id, str) else tuple(one.id): one for one in catalogue(language) if one.id}
    said = {one.forms for one in code}
    for one in code:
        if one.given is not None and one.given != one.gaps:
            yield f"{one.place}: {one.forms[0]!r} is given {sorted(one.given)}"
        if len(one.forms) > 1 and "count" not in one.gaps:
            yield f"{one.place}: {one.forms[0]!r} counts nothing"
        if one.forms not in known:
            yield f"{one.place}: {one.forms[0]!r} is missing in {language}.po"
    for forms, message in known.items():
        if forms not in said:
            yield f"{language}.po: {forms[0]!r} is said nowhere"
        yield from (f"{language}.po: {fault}" for fault in mistakes(message, forms, plurals))


def catalogue_plurals(language: str) -> int:
    """Number of plural forms of a language."""
    return int(catalogue(language).num_plurals)


def mistakes(message: Message, forms: tuple[str, ...], plurals: int) -> Iterator[str]:
    """List the mistakes of one translation."""
    there = forms_of(message)
    if message.fuzzy or not all(there):
        yield f"{forms[0]!r} is not translated"
    elif len(there) != (plurals if len(forms) > 1 else 1):
        yield f"{forms[0]!r} has {len(there)} forms"
    else:
        wanted = gaps_of(forms[-1])
        yield from (f"{form!r} has other parameters than {forms[0]!r}" for form in there if gaps_of(form) - {"count"} != wanted - {"count"})


def update(language: str) -> None:
    """Add what is missing, untranslated, and set aside what no code says: it may be stored."""
    old, new = catalogue(language), Catalog(locale=language, charset="utf-8")
    known = {one.id: one for one in [*old.obsolete.values(), *(one for one in old if one.id)]}
    said = {one.forms if len(one.forms) > 1 else one.forms[0] for one in spoken()}
    for key in said:
        new.add(key, known[key].string if key in known else "")
    new.obsolete = {name(key): one for key, one in known.items() if key not in said and any(forms_of(one))}
    save(new, FOLDER / f"{language}.po")


def name(key: str | tuple[str, ...] | list[str]) -> str:
    """The id of a message: its first form."""
    return key if isinstance(key, str) else key[0]


def save(catalog: Catalog, path: Path) -> None:
    """Write a catalogue in the order of its ids, without dates and names of programs, so that it changes by its sentences only."""
    out = BytesIO()
    write_po(out, catalog, width=WHOLE_LINES, omit_header=True, sort_output=True)
    lines = [line for line in out.getvalue().decode().splitlines() if not line.startswith(("#,", "#~ #,"))]
    head = f'msgid ""\nmsgstr ""\n"Language: {catalog.locale}\\n"\n"Plural-Forms: {catalog.plural_forms}\\n"\n'
    types = '"Content-Type: text/plain; charset=utf-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n\n'
    body = "\n".join(lines).strip()
    path.write_text(f"{head}{types}{body}\n", "utf-8")


if __name__ == "__main__":
    for code in languages():
        if "--update" in sys.argv:
            update(code)
        sys.stdout.writelines(f"{fault}\n" for fault in faults(code))
