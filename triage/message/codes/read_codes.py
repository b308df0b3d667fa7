"""Reads the QR codes of a message for a bounded child in a sandbox: Pillow opens pictures, poppler draws PDF, zxing-cpp finds the codes.

A child that somebody else has taken over can name links that are not there, and nothing more.
"""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import zxingcpp

from triage.message.codes.code_content import opened_address
from triage.message.codes.code_links import CODES
from triage.message.mime.coded_pictures import is_pdf, list_pictures
from triage.message.mime.mime_parts import TooMuch, parts_of
from triage.message.preview.render_pages import Document, Picture
from triage.message.preview.rendered_pages import NotDrawn
from triage.message.summary import file_name

PICTURES = 40  # of a message that are searched
DOCUMENTS = 5
PAGES = 3  # of each document
SMALLEST = 40  # pixels of the shorter side: the smallest code has 21 squares beside its margin
QR = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
PAGE_BYTES = 3  # a pixel


def read_json(raw: bytes, options: Mapping[str, Any]) -> bytes:
    """Web addresses of QR codes, each behind the name of its file, as JSON. Options: pdf (may pages be drawn here?), seconds."""
    deadline = time.monotonic() + float(options["seconds"])
    try:
        found = dict.fromkeys(list_addresses(raw, bool(options["pdf"]), deadline))
    except TooMuch:
        return b"[]"
    return json.dumps([*found][:CODES]).encode()


def list_addresses(raw: bytes, draws_pdf: bool, deadline: float) -> Iterator[tuple[str, str]]:
    """Name of the file and web address of every code, as far as there is time."""
    left = {True: DOCUMENTS if draws_pdf else 0, False: PICTURES}
    for name, content in list_pictures(parts_of(raw)):
        document = is_pdf(content)
        left[document] -= 1
        if left[document] < 0 or time.monotonic() > deadline:
            continue
        for text in read_texts(content, document, deadline):
            if address := opened_address(text):
                yield file_name(name), address


def read_texts(content: bytes, document: bool, deadline: float) -> Iterator[str]:
    """The texts of the codes in one file; of what cannot be opened, none."""
    try:
        for width, height, pixels in list_pages(content, document, deadline):
            image = memoryview(pixels).cast("B", (height, width, PAGE_BYTES))
            yield from (one.text for one in zxingcpp.read_barcodes(image, formats=QR))
    except NotDrawn:
        return


def list_pages(content: bytes, document: bool, deadline: float) -> Iterator[tuple[int, int, bytes]]:
    """Width, height and pixels of a picture that is large enough, or of the first pages of a document."""
    if document:
        yield from Document(content, deadline).first_pages(PAGES)
        return
    picture = Picture(content)
    if min(picture.image.size) >= SMALLEST:
        yield picture.page(1)
