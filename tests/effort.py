"""How many examples hypothesis tries: few in each run of the tests, and the same ones; very many other ones in `make fuzz`."""

import os

LONG = bool(os.environ.get("FUZZ_SECONDS"))
TIMES = 50  # as many, in `make fuzz`


def examples(few: int) -> int:
    """Returns how many to try, where `few` are enough for one run of the tests."""
    return TIMES * few if LONG else few
