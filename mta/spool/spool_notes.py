"""Small notes below the spool, from the receiving processes for the judge: a whole JSON file each.

The SMTP server knows no database. Notes are not synced: nothing depends on them but what people are told.
"""

import json
import os
from pathlib import Path
from typing import Any

from triage.ids import format_id, new_id

SUFFIX = ".json"


def write_note(directory: Path, note: Any) -> None:
    """Put a note there, whole or not at all. OSError when the disk does not take it."""
    directory.mkdir(mode=0o770, exist_ok=True)
    temporary = directory / f"{os.getpid()}.tmp"
    temporary.write_text(json.dumps(note), "utf-8")
    temporary.rename(directory / f"{format_id(new_id())}{SUFFIX}")


def list_notes(directory: Path) -> list[Path]:
    """The notes that are there, the oldest first; none where nobody can look."""
    try:
        return sorted(directory.glob(f"*{SUFFIX}"))
    except OSError:
        return []
