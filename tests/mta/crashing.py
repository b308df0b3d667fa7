"""The parser, with messages that are too much for it: for bounded children of the tests."""

import itertools
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from triage.message import summary


def summarise_json(raw: bytes, options: Mapping[str, Any]) -> bytes:
    """As the real one, but certain words in the body are deeds."""
    for word, deed in DEEDS.items():
        if word in raw and not options.get("headers_only"):
            deed()
    return summary.summarise_json(raw, options)


def multiply() -> None:
    """Start processes that hold the pipes, and crash, as a parser would that somebody else has taken over."""
    try:
        for _ in range(5):
            if not os.fork():
                time.sleep(600)
                os._exit(0)
    finally:
        os._exit(1)


DEEDS: dict[bytes, Callable[[], object]] = {
    b"killer": lambda: os._exit(1),
    b"looper": lambda: [None for _ in itertools.count() if False],
    b"sleeper": lambda: time.sleep(600),
    b"glutton": lambda: bytes(2 * 1024**3),
    b"forker": multiply,
}
