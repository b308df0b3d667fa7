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


class Search:
    """Search of one message: what it may still begin, and how many files it left out."""

    def __init__(self, draws_pdf: bool, deadline: float) -> None:
        self.draws_pdf, self.deadline = draws_pdf, deadline
        self.places = {True: DOCUMENTS, False: PICTURES}
        self.left = 0  # files that may hold a code and were not searched

    def list_addresses(self, raw: bytes) -> Iterator[tuple[str, str]]:
        """Name of the file and web address of every code, as far as there is time."""
        for name, content in list_pictures(parts_of(raw)):
            document = is_pdf(content)
            if document and not self.draws_pdf:
                continue
            if time.monotonic() > self.deadline:
                self.left += 1
                continue
            for text in self.read_texts(content, document):
                if address := opened_address(text):
                    yield file_name(name), address

    def read_texts(self, content: bytes, document: bool) -> Iterator[str]:
        """The texts of the codes in one file; of what cannot be opened, none."""
        try:
            for width, height, pixels in self.list_pages(content, document):
                image = memoryview(pixels).cast("B", (height, width, PAGE_BYTES))
                yield from (one.text for one in zxingcpp.read_barcodes(image, formats=QR))
        except NotDrawn:
            return

    def list_pages(self, content: bytes, document: bool) -> Iterator[tuple[int, int, bytes]]:
        """Width, height and pixels of a picture, or of the first pages of a document. What can hold no code takes no place."""
        picture = None if document else Picture(content)
        if picture and min(picture.image.size) < SMALLEST:
            return
        if not self.places[document]:
            self.left += 1
            return
        self.places[document] -= 1
        if picture:
            yield picture.page(1)
        else:
            yield from Document(content, self.deadline).first_pages(PAGES)


def read_json(raw: bytes, options: Mapping[str, Any]) -> bytes:
    """Web addresses of QR codes, each behind the name of its file, and the number of files left out, as JSON.

    Options: pdf (may pages be drawn here?), seconds.
    """
    search = Search(bool(options["pdf"]), time.monotonic() + float(options["seconds"]))
    found: dict[tuple[str, str], None] = {}
    try:
        found = dict.fromkeys(search.list_addresses(raw))
    except TooMuch:
        search.left += 1
    return json.dumps({"found": [*found][:CODES], "left": search.left}).encode()
