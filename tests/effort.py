"""How much is tried: few examples of hypothesis in each run of the tests, and the same ones; very many other ones in `make fuzz`.

Tests marked `long` (whole systems, matrices) run in `make test-full`, which sets MAILROOM_TESTS=full, and when named with `::`; a short
path of the same promise, without the mark, stands beside each.
"""

import os
from typing import Any

import pytest

FULL = os.environ.get("MAILROOM_TESTS") == "full"
LONG = bool(os.environ.get("FUZZ_SECONDS"))
TIMES = 50  # as many, in `make fuzz`


def examples(few: int) -> int:
    """Returns how many to try, where `few` are enough for one run of the tests."""
    return TIMES * few if LONG else few


def long(*values: Any, id: str | None = None) -> Any:
    """A case of a table that runs in `make test-full` only."""
    return pytest.param(*values, id=id, marks=pytest.mark.long)
