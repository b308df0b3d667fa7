"""`python -m tests.prose` checks every text; `--code` docstrings and comments too; `--shrink` takes mended faults off the baseline,
`--report` prints a line for each page."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from tests.prose import code, markdown, product, rules
from tests.prose.rules import ROOT, Fault

BASELINE = Path(__file__).parent / "baseline.json"
DOCS = ROOT / "docs"
OF_CODE = ("cli.md", "settings.md", "metrics.md", "log-events.md", "doctor.md", "security-events.md", "asvs.md")
MADE = {DOCS / "reference" / name for name in OF_CODE}
DECISIONS = DOCS / "decisions"
OLD_RECORDS = 60  # decision records up to this number keep the openings and headings of their time
MENTION = re.compile(r"\bdocs/[\w/-]+\.(?:md|json|svg|png|py)\b")
TEXTS = (".py", ".sh", ".toml", ".yml", ".yaml", ".cf", ".ts", ".svelte", ".md", "Containerfile", "Makefile")


def main(arguments: list[str]) -> int:
    """Print what is new; 1 when there is something."""
    pages = [markdown.read(path) for path in sorted({*ROOT.glob("*.md"), *DOCS.rglob("*.md"), ROOT / "webui" / "README.md"})]
    if "--report" in arguments:
        report(pages)
    found = [*of_pages(pages), *of_mentions(), *product.faults(), *(code.faults() if "--code" in arguments else ())]
    known = json.loads(BASELINE.read_text("utf-8")) if BASELINE.exists() else {}
    counts = counted(found)
    if "--shrink" in arguments:
        counts = {file: {kind: min(n, known.get(file, {}).get(kind, 0)) for kind, n in kinds.items()} for file, kinds in counts.items()}
        write({file: {kind: n for kind, n in kinds.items() if n} for file, kinds in counts.items()})
        known = json.loads(BASELINE.read_text("utf-8"))
    return print_new(found, known, counted(found))


def of_pages(pages: list[markdown.Page]) -> Iterator[Fault]:
    """Find the faults of the pages, one by one and together."""
    for page in pages:
        if is_old_record(page.path):
            yield from rules.faults_of_old_record(page)
            continue
        if page.path.name == "CHANGELOG.md":
            yield from rules.faults_of_changelog(page)
        yield from rules.faults_of_page(page, decision=page.path.parent == DECISIONS)
        if page.path.parent.parent == DOCS and page.path.parent != DECISIONS and not page.prose[0].startswith("For "):
            yield Fault(str(page.path.relative_to(ROOT)), "reader", page.prose[0], "the first line names who reads it, and what for")
    total = sum(map(words_of, (page for page in pages if is_ours(page.path))))
    if total > rules.ALL_WORDS:
        yield Fault("docs", "too many words", f"{total:,} of {rules.ALL_WORDS:,}", "cut")


def is_old_record(path: Path) -> bool:
    """Whether it is a decision record from before the words were settled: history, held to less."""
    return path.parent == DECISIONS and path.name[:4].isdigit() and int(path.name[:4]) <= OLD_RECORDS


def is_ours(path: Path) -> bool:
    """Whether it is a page of the site that people write."""
    return DOCS in path.parents and path not in MADE and path.parent != DECISIONS


def words_of(page: markdown.Page) -> int:
    """Count the words of a page without generated blocks."""
    made = sum(
        1 for block in markdown.GENERATED.findall(page.path.read_text("utf-8")) for word in block.split() if markdown.WORD.search(word)
    )
    return page.words - made


def of_mentions() -> Iterator[Fault]:
    """Files below docs/ that code and settings name."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    for name in listed:
        if name.endswith(TEXTS) and (ROOT / name).is_file():
            for mention in set(MENTION.findall((ROOT / name).read_text("utf-8"))):
                if not (ROOT / mention).exists():
                    yield Fault(name, "link", mention, "no such file")


def counted(found: list[Fault]) -> dict[str, dict[str, int]]:
    """Count the faults of each kind in each file."""
    counts: dict[str, Counter[str]] = {}
    for fault in found:
        counts.setdefault(fault.file, Counter())[fault.kind] += 1
    return {file: dict(sorted(kinds.items())) for file, kinds in sorted(counts.items())}


def print_new(found: list[Fault], known: Mapping[str, Mapping[str, int]], counts: Mapping[str, Mapping[str, int]]) -> int:
    """Print every kind of fault of which a file has more than the baseline says, and what the baseline says too much."""
    more = {(file, kind) for file, kinds in counts.items() for kind, n in kinds.items() if n > known.get(file, {}).get(kind, 0)}
    for fault in found:
        if (fault.file, fault.kind) in more:
            click.echo(f"{fault.file}: {fault.kind}: {fault.text[:160]} ({fault.advice})")
    fewer = [file for file, kinds in known.items() for kind, n in kinds.items() if n > counts.get(file, {}).get(kind, 0)]
    if fewer:
        click.echo(f"mended, so the baseline shrinks: {', '.join(sorted(set(fewer)))}: python -m tests.prose --shrink")
    return 1 if more or fewer else 0


def write(counts: Mapping[str, Mapping[str, int]]) -> None:
    """The baseline: a line for each file."""
    lines = [f" {json.dumps(file)}: {json.dumps(kinds, ensure_ascii=False)}" for file, kinds in counts.items() if kinds]
    BASELINE.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


def report(pages: list[markdown.Page]) -> None:
    """Words, words a sentence, and the longest sentence of each page."""
    for page in pages:
        longest = max(map(markdown.length, (*page.prose, *page.cells)), default=0)
        click.echo(f"{page.path.relative_to(ROOT)}\t{words_of(page)}\t{page.mean:.1f}\t{longest}")
    click.echo(f"written by people\t{sum(words_of(page) for page in pages if is_ours(page.path))}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
