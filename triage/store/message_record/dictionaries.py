"""Zstandard dictionaries of message records: files of this package. None of them ever changes or goes, for stored records name them."""

import hashlib
from functools import cache
from pathlib import Path

import zstandard

from triage.errors import Unreadable
from triage.say import say

DIRECTORY = Path(__file__).parent
NEWEST = 1  # the number of the one for new records
DIGESTS = {1: "19ac36d0111a29641074a715863666886be2b8e970c6613ee2e7ba63ccee153d"}  # SHA-256 of each that was released
LEVEL = 3  # higher levels save nothing here (decision 95)


@cache
def read_dictionary(number: int) -> zstandard.ZstdCompressionDict:
    """The dictionary of this number. Unreadable when its file is missing or not as it was released; the text says which part of a
    backup has it.
    """
    content = file_of(number).read_bytes() if file_of(number).is_file() else b""
    found = zstandard.ZstdCompressionDict(content)
    digest = hashlib.sha256(content).hexdigest()
    if not number or found.dict_id() != number or digest != DIGESTS.get(number, digest):  # one of a newer version has no digest here
        raise Unreadable(
            say(
                "dictionary {number} of the message records is missing or damaged: install Mailroom again, or copy {name} from the "
                "directory `dictionaries` of a backup to {directory}",
                number=number,
                name=file_of(number).name,
                directory=str(DIRECTORY),
            )
        )
    found.precompute_compress(LEVEL)
    return found


def check_dictionaries() -> None:
    """Reads every dictionary that was released. Unreadable for the first that is missing or damaged."""
    for number in DIGESTS:
        read_dictionary(number)


def file_of(number: int) -> Path:
    """Returns the file of the dictionary with this number."""
    return DIRECTORY / f"records_{number}.zdict"


def list_files() -> list[Path]:
    """Lists the dictionaries of this program, for a backup."""
    return sorted(DIRECTORY.glob("records_*.zdict"))
