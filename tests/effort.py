"""Effort of a test run: few hypothesis examples, always the same ones, in each run; very many others in `make fuzz`.

Tests marked `long` (whole systems, matrices) run in `make test-full`, which sets MAILROOM_TESTS=full, and when named with `::`; a short
path of the same promise, without the mark, stands beside each.
"""

import os
from typing import Any

import pytest
from hypothesis.internal import constants_ast
from hypothesis.internal.conjecture import providers

from triage.access import staff_login

FULL = os.environ.get("MAILROOM_TESTS") == "full"
LONG = bool(os.environ.get("FUZZ_SECONDS"))
TIMES = 80  # as many, in `make fuzz`
PRODUCT_COST = (staff_login.HASHER.memory_cost, staff_login.HASHER.time_cost, staff_login.HASHER.parallelism)


def hash_cheaply() -> None:
    """Lets passwords cost nothing. The product's take 64 MiB and a tenth of a second each, as `test_staff_login.py` holds."""
    staff_login.HASHER.__init__(time_cost=1, memory_cost=8, parallelism=1)  # type: ignore[misc]


def try_no_constants() -> None:
    """Lets hypothesis try no constants of our modules, but in `make fuzz`: each worker read a thousand modules for them."""
    if not LONG:
        pytest.MonkeyPatch().setattr(providers, "_get_local_constants", constants_ast.Constants)


def examples(few: int) -> int:
    """Returns how many to try, where `few` are enough for one run of the tests."""
    return TIMES * few if LONG else few


def long(*values: Any, id: str | None = None) -> Any:
    """A case of a table that runs in `make test-full` only."""
    return pytest.param(*values, id=id, marks=pytest.mark.long)
