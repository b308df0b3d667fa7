"""The parser, with a message that kills it: for a bounded child of the tests."""

import os
from collections.abc import Mapping
from typing import Any

from triage import content


def summarise_json(raw: bytes, options: Mapping[str, Any]) -> bytes:
    """As the real one, but the word "killer" in the body ends the process."""
    if b"killer" in raw and not options.get("headers_only"):
        os._exit(1)
    return content.summarise_json(raw, options)
