"""Faults that nobody expected: the trace on standard error, in which text from messages and servers acts on no terminal."""

import sys
import threading
import traceback

import click

from triage.text.sanitize import escape_visible


def print_fault(fault: BaseException) -> None:
    """Prints a fault's trace with harmful characters as escapes."""
    click.echo(escape_visible("".join(traceback.format_exception(fault)), lines=True), nl=False, err=True)


def guard_traces() -> None:
    """Lets every trace of this process go through `print_fault`, also those of threads and finalizers."""
    sys.excepthook = lambda _kind, fault, _trace: print_fault(fault)
    threading.excepthook = lambda found: print_of_thread(found.exc_value)
    sys.unraisablehook = lambda found: print_of_thread(found.exc_value)


def print_of_thread(fault: BaseException | None) -> None:
    """Prints a fault that ended a thread or a finalizer; SystemExit ends one without a word."""
    if fault is not None and not isinstance(fault, SystemExit):
        print_fault(fault)
