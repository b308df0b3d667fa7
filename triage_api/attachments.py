"""One attachment's bytes, for a bounded child: this module imports no web framework."""

from collections.abc import Mapping
from typing import Any

from triage import content


def attachment(raw: bytes, options: Mapping[str, Any]) -> bytes:
    """The decoded bytes of the attachment `number` of a message."""
    return content.attachment(raw, int(options["number"]))
