"""Bytes of an attachment, for a sandboxed child: this module imports no web framework."""

from collections.abc import Mapping
from typing import Any

from triage.message.mime import attachments


def read_attachment(raw: bytes, options: Mapping[str, Any]) -> bytes:
    """The decoded bytes of the attachment of a message whose digest is `sha256`."""
    return attachments.find_attachment(raw, str(options["sha256"]))
