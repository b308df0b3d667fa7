"""Options that several commands have in common, given together."""

from collections.abc import Callable, Sequence
from typing import Any


def join_options(options: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    """Joins several options into one decorator, which gives a command all of them in this order."""

    def give(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return give
