"""Draws the pages of a PDF or a picture as pixels, for a bounded child in a sandbox: poppler for PDF, Pillow for pictures.

What it gives back is a count, or a width, a height and pixels: a drawer that somebody else has taken over can lie about what a page
looks like, and nothing more. Files and networks are for the sandbox to deny (`confinement`).
"""

import io
import re
import subprocess
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

from triage.message.mime.coded_pictures import is_pdf
from triage.message.preview.rendered_pages import BROKEN, LOCKED, NO_PROGRAM, PAGES, UNKNOWN, NotDrawn, pack_answer

SIDE = 1400  # pixels of the longer side of a page
PIXELS = 40_000_000  # of a picture that is decoded at all
KINDS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
PAGED = "TIFF"  # faxes; of what moves the first picture is shown
FONTS = Path(__file__).with_name("fonts.conf")
COUNTED = re.compile(rb"^Pages: +(\d{1,9})$", re.MULTILINE)
OBJECT = b"obj"  # begins every object of a PDF, compressed ones too
PIXEL = 3  # bytes
PPM = re.compile(rb"P6\n(\d{1,5}) (\d{1,5})\n255\n")


def draw_page(raw: bytes, options: Mapping[str, Any]) -> bytes:
    """The page with this number; page 0: how many there are (`drawn`)."""
    number = int(options["page"])
    try:
        source = Document(raw) if is_pdf(raw) else Picture(raw)
        if number == 0:
            return pack_answer({"pages": min(source.pages, PAGES)})
        width, height, pixels = source.page(number)
    except NotDrawn as why:
        return pack_answer({"why": str(why)})
    return pack_answer({"width": width, "height": height}, pixels)


class Document:
    """A PDF, read by poppler's programs."""

    def __init__(self, raw: bytes, deadline: float | None = None) -> None:
        """`deadline`: until when its programs may run, by the monotonic clock; None: as long as the child may."""
        self.raw, self.deadline = raw, deadline

    @property
    def pages(self) -> int:
        """Number of pages that the document declares."""
        found = COUNTED.search(self._asked(["pdfinfo", "-"]))
        if not found or not int(found[1]):
            raise NotDrawn(BROKEN)
        return int(found[1])

    def page(self, number: int) -> tuple[int, int, bytes]:
        """Width, height and pixels of one."""
        return next(self._drawn(number, number))

    def first_pages(self, most: int) -> Iterator[tuple[int, int, bytes]]:
        """The same of each of the first pages, drawn together."""
        return self._drawn(1, most)

    def _drawn(self, first: int, last: int) -> Iterator[tuple[int, int, bytes]]:
        """Pages as the program writes them, one behind the other. NotDrawn without one."""
        pictures, start = self._asked(["pdftoppm", "-f", str(first), "-l", str(last), "-scale-to", str(SIDE), "-"]), 0
        while start < len(pictures) or not start:
            head = PPM.match(pictures, start)
            if not head:
                raise NotDrawn(BROKEN)
            width, height = int(head[1]), int(head[2])
            start = head.end() + PIXEL * width * height
            if start > len(pictures):
                raise NotDrawn(BROKEN)
            yield width, height, pictures[head.end() : start]

    def _asked(self, command: Sequence[str]) -> bytes:
        """Runs a program on the document and returns its output. NotDrawn where the program is missing, fails or takes too long.

        Without an object there is nothing to draw (ISO 32000-1, 7.3.10), and a program takes as long to say so as to draw a page.
        """
        if OBJECT not in self.raw:
            raise NotDrawn(BROKEN)
        environment = {"PATH": "/usr/bin", "LC_ALL": "C", "FONTCONFIG_FILE": str(FONTS)}
        try:
            done = subprocess.run(command, input=self.raw, capture_output=True, env=environment, check=False, timeout=self._seconds_left())
        except FileNotFoundError as fault:
            raise NotDrawn(NO_PROGRAM) from fault
        except subprocess.TimeoutExpired as fault:
            raise NotDrawn(BROKEN) from fault
        if done.returncode:
            raise NotDrawn(LOCKED if b"Incorrect password" in done.stderr else BROKEN)
        return done.stdout

    def _seconds_left(self) -> float | None:
        """Returns how long a program may still run; None without a deadline."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())


class Picture:
    """A picture, read by Pillow."""

    def __init__(self, raw: bytes) -> None:
        warnings.simplefilter("ignore")  # of what is unusual in a file
        Image.MAX_IMAGE_PIXELS = None  # ours counts
        try:
            self.image: Image.Image = Image.open(io.BytesIO(raw), formats=KINDS)
        except UnidentifiedImageError as fault:
            raise NotDrawn(UNKNOWN) from fault
        except (OSError, ValueError, SyntaxError, ArithmeticError, LookupError) as fault:
            raise NotDrawn(BROKEN) from fault
        if self.image.width * self.image.height > PIXELS:
            raise NotDrawn(BROKEN)

    @property
    def pages(self) -> int:
        """Number of pages: more than 1 for faxes only."""
        return int(getattr(self.image, "n_frames", 1)) if self.image.format == PAGED else 1

    def page(self, number: int) -> tuple[int, int, bytes]:
        """Width, height and pixels of one; white shows through."""
        try:
            self.image.seek(number - 1)
            self.image.draft("RGB", (SIDE, SIDE))
            self.image.thumbnail((SIDE, SIDE))
            upright = ImageOps.exif_transpose(self.image).convert("RGBA")
        except (OSError, EOFError, ValueError, SyntaxError, ArithmeticError, LookupError) as fault:
            raise NotDrawn(BROKEN) from fault
        ground = Image.new("RGBA", upright.size, "white")
        ground.alpha_composite(upright)
        return *ground.size, ground.convert("RGB").tobytes()
