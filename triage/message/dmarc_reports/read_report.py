"""Takes an aggregate report out of a message for a bounded child: XML as it is, in gzip or in a ZIP file, unpacked within a limit."""

import contextlib
import io
import json
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from triage.message.dmarc_reports.aggregate_report import AggregateReport
from triage.message.dmarc_reports.report_xml import NoReport, parse_report
from triage.message.mime.attachments import files_of
from triage.message.mime.mime_parts import Part, TooMuch, parts_of

FILES = 5  # of a message that are tried
UNPACKED = 20 * 1024 * 1024  # bytes of all files of a message together
GZIP = 31  # window bits that ask for a gzip header
KINDS = frozenset(
    {"application/gzip", "application/x-gzip", "application/zip", "application/x-zip-compressed", "application/xml", "text/xml"}
)


def read_json(raw: bytes, options: Mapping[str, Any]) -> bytes:
    """The first aggregate report of a message as JSON, null where it has none. For a bounded child. Option: seconds."""
    report = read_report(raw, time.monotonic() + float(options["seconds"]))
    return json.dumps(report.as_json() if report else None).encode()


def read_report(raw: bytes, deadline: float) -> AggregateReport | None:
    """The first aggregate report of a message, as far as there is time."""
    left = UNPACKED
    try:
        for content in islice(candidates(parts_of(raw)), FILES):
            with contextlib.suppress(NoReport):
                xml = unpack(content, left)
                left -= len(xml)
                return parse_report(xml, deadline)
    except TooMuch:
        return None
    return None


def candidates(parts: list[Part]) -> Iterator[bytes]:
    """The files that may be one: some reporters send nothing but the file, without a text beside it."""
    yield from (part.content() for part in parts if part.is_leaf and part.media_type in KINDS)
    yield from (content for _, media_type, _, content in files_of(parts) if media_type not in KINDS)


def unpack(content: bytes, most: int) -> bytes:
    """The XML in a file. NoReport where there is none, or more bytes of it than these."""
    try:
        if content.startswith(b"\x1f\x8b"):
            xml = zlib.decompressobj(GZIP).decompress(content, most + 1)
        elif content.startswith(b"PK\x03\x04"):
            xml = unzip(content, most)
        else:
            xml = content
    except (zlib.error, zipfile.BadZipFile, OSError, RuntimeError, ValueError, NotImplementedError, EOFError, LookupError) as fault:
        raise NoReport from fault
    if len(xml) > most:
        raise NoReport
    return xml


def unzip(content: bytes, most: int) -> bytes:
    """The first XML file of an archive, cut behind so many bytes."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        name = next((one for one in archive.infolist()[:FILES] if one.filename.casefold().endswith(".xml")), None)
        if name is None:
            raise NoReport
        with archive.open(name) as opened:
            return opened.read(most + 1)
