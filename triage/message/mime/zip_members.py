"""The files in a ZIP file by their first bytes, each read within a limit. Pure."""

import io
import zipfile
from collections.abc import Callable, Iterator

from triage.message.mime.compressed import MEMBERS, TooLarge

CENTRAL, LOCAL = b"PK\x01\x02", b"PK\x03\x04"  # what stands before each file in the directory, and before its bytes
JUDGED = 5_000  # files of which the first bytes are read
HEAD = 4 * 1024  # bytes
WHOLE = 32 * 1024 * 1024  # bytes of a document, a page or an archive within


def open_zip(content: bytes) -> zipfile.ZipFile:
    """Opens a ZIP file. TooLarge where it has more members than are read: their list alone would take more memory than there is."""
    if max(content.count(CENTRAL), content.count(LOCAL)) > MEMBERS:
        raise TooLarge
    return zipfile.ZipFile(io.BytesIO(content))


def read_members(package: zipfile.ZipFile, room: int, *, wants_more: Callable[[bytes], bool]) -> Iterator[tuple[str, bytes, bool]]:
    """Name and first bytes of each file, and whether these are all; more of what `wants_more` says so of by its first ones.

    TooLarge where it all unpacks to more than `room`, or has more files than are judged.
    """
    files = [one for one in package.infolist() if one.file_size and not one.flag_bits & 1]
    if len(files) > JUDGED:
        raise TooLarge
    for one in files:
        with package.open(one) as opened:
            data = opened.read(HEAD)
            if len(data) == HEAD and wants_more(data):
                data += opened.read(min(WHOLE, room) - HEAD)
            whole = not opened.read(1)
        room -= len(data)
        if room < HEAD:
            raise TooLarge
        yield one.filename, data, whole
