"""Progress of long work: a bar or a count on standard error where that is a terminal, nothing in a pipe."""

import sys
from types import TracebackType
from typing import Self

import click

from triage.text.sanitize import escape_visible


class Progress:
    """A bar that is told how far the work is; how much there is to do may still become known."""

    def __init__(self, label: str, total: int = 0) -> None:
        self.bar = click.progressbar(length=total, label=escape_visible(label), file=sys.stderr, hidden=not sys.stderr.isatty())

    def reach(self, done: int, total: int | None = None) -> None:
        """So much is done."""
        if total is not None:
            self.bar.length = total
        self.bar.update(done - self.bar.pos)

    def step(self) -> None:
        """Moves the bar on by one."""
        self.bar.update(1)

    def __enter__(self) -> Self:
        self.bar.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self.bar.__exit__(kind, fault, trace)


class Ticker:
    """Counts where nobody knows how much there is to do."""

    def __init__(self, what: str) -> None:
        self.what, self.count, self.shown = what, 0, sys.stderr.isatty()

    def add(self, more: int) -> None:
        """So many more are done."""
        self.count += more
        if self.shown:
            click.echo(f"\r{self.count:,} {self.what}", nl=False, err=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        if self.shown and self.count:
            click.echo(err=True)
