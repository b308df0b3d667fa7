"""QR codes for tests, in pictures, in pages of PDF documents and in messages."""

import io
import zlib

import segno
from PIL import Image

from tests.triage import pdfs
from tests.triage.messages import multipart, part

EVIL = "https://login.evil.example/session?u=ida.lindqvist@company.example"


def code_picture(text: str, kind: str = "PNG", *, size: tuple[int, int] = (600, 400), background: str = "white") -> bytes:
    """A picture with a QR code somewhere in it."""
    page = Image.new("RGB", size, background)
    page.paste(code_image(text), (size[0] // 3, 20))
    return saved(page, kind)


def code_image(text: str) -> Image.Image:
    """A QR code with its margin."""
    out = io.BytesIO()
    segno.make(text, error="m").save(out, kind="png", scale=4)
    return Image.open(out).convert("RGB")


def saved(image: Image.Image, kind: str) -> bytes:
    """The picture as a file."""
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def code_document(text: str, *, page: int = 1) -> bytes:
    """A PDF whose page of this number has a QR code a quarter of it wide."""
    code = code_image(text)
    entries = b"/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /FlateDecode"
    drawn = pdfs.stream(zlib.compress(code.tobytes()), entries % code.size)
    pages = [pdfs.HELLO] * (page - 1) + [b"50 0 0 50 10 10 cm /Code Do"]
    return pdfs.pdf(*pages, resources=b"/XObject << /Code %d 0 R >>" % (3 + 2 * page), more=[drawn])


def letter(*files: tuple[str, bytes], text: str = "Please look.") -> bytes:
    """A message with a text and these attachments."""
    attached = (part(f'Content-Type: application/octet-stream; name="{name}"', content, encoded=True) for name, content in files)
    return multipart(part("Content-Type: text/plain", text.encode()), *attached)
