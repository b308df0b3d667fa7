"""QR codes found in pictures, and what is done about too many, too large and broken ones. Pages of PDF: tests/mta/processing."""

import json
import struct
import zlib
from typing import Any

import pytest

from tests.triage.message.codes.made_codes import EVIL, code_image, code_picture, letter, saved
from tests.triage.messages import multipart, part
from triage.message.codes import read_codes
from triage.message.codes.code_links import CODES, add_codes
from triage.message.mime.images import as_png
from triage.message.summary import Code, Link, Summary, make_summary


def found(raw: bytes) -> list[list[str]]:
    """Codes that the child process finds in a message, without PDF."""
    told: list[list[str]] = search(raw)["found"]
    return told


def search(raw: bytes, seconds: float = 60) -> Any:
    """The whole answer of the child."""
    return json.loads(read_codes.read_json(raw, {"pdf": False, "seconds": seconds}))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
def test_a_code_is_found_in_pictures_of_each_kind(kind: str) -> None:
    name = f"scan.{kind.lower()}"
    assert found(letter((name, code_picture(EVIL, kind)))) == [[name, EVIL]]


def test_a_code_is_found_turned_inverted_and_in_a_photograph_of_a_telephone() -> None:
    turned = code_image(EVIL).rotate(37, expand=True, fillcolor="white")
    inverted = code_image(EVIL).point(lambda value: 255 - value)
    large = code_picture(EVIL, "JPEG", size=(2400, 1800), background="beige")
    raw = letter(("turned.png", saved(turned, "PNG")), ("inverted.png", saved(inverted, "PNG")), ("photo.jpg", large))
    assert [name for name, _ in found(raw)] == ["turned.png", "inverted.png", "photo.jpg"]


def test_pictures_that_the_text_shows_are_searched_too_by_their_kind_and_by_their_name() -> None:
    shown = part("Content-Type: image/png\nContent-ID: <a>", code_picture(EVIL), encoded=True)
    assert found(multipart(part("Content-Type: text/html", b"<img src=cid:a>"), shown, subtype="related")) == [["image/png", EVIL]]
    assert make_summary(multipart(part("Content-Type: text/html", b"<img src=cid:a>"), shown, subtype="related")).pictures == 1


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("invoice", code_picture("BCD\n002\n1\nSCT\n\nHarbour Museum\nDE02100500000054540402\nEUR24.50")),
        ("ticket", code_picture("TICKET-4711-0815")),
        ("logo", as_png(120, 40, bytes(3 * 120 * 40))),
        ("tiny", as_png(1, 1, bytes(3))),
        ("cut", code_picture(EVIL)[:200]),
        ("svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("empty", b""),
        ("program", b"MZ"),
    ],
)
def test_what_opens_no_page_is_no_link(text: str, file: bytes) -> None:
    assert found(letter((f"{text}.png", file))) == []


def bomb() -> bytes:
    """A small file that says it is 60,000 by 60,000 pixels."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(1_000_000))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(struct.pack(">I", len(data)) + name + data + bytes(4) for name, data in chunks)


def test_a_bomb_hides_no_code_behind_it() -> None:
    assert found(letter(("bomb.png", bomb()), ("code.png", code_picture(EVIL)))) == [["code.png", EVIL]]


def test_pictures_that_hold_no_code_take_no_place() -> None:
    tiny = [(f"{number}.png", as_png(1 + number, 1, bytes(3 * (1 + number)))) for number in range(read_codes.PICTURES)]
    broken = [(f"{number}.jpg", b"\xff\xd8\xff%d" % number) for number in range(read_codes.PICTURES)]
    assert search(letter(*tiny, *broken, ("code.png", code_picture(EVIL)))) == {"found": [["code.png", EVIL]], "left": 0}


def test_only_so_many_pictures_are_searched_and_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_codes, "PICTURES", 2)
    one, other = (code_picture(f"https://{name}.example/") for name in ("one", "other"))
    raw = letter(("a.png", one), ("b.png", one), ("c.png", other), ("d.png", code_picture(EVIL)))
    assert search(raw) == {"found": [["a.png", "https://one.example/"], ["c.png", "https://other.example/"]], "left": 1}


def test_without_time_nothing_more_is_begun() -> None:
    assert search(letter(("a.png", code_picture(EVIL)), ("b.png", code_picture("https://b.example/"))), -1) == {"found": [], "left": 2}


def test_the_links_of_codes_stand_first_and_change_what_the_message_is_recognised_by() -> None:
    plain = make_summary(multipart(part("Content-Type: text/plain", b"Look at https://sender.example/")))  # few words: links count
    coded = add_codes(plain, [("a.png", EVIL), ("b.png", "https://sender.example/")])
    assert coded.links == (Link("", EVIL), *plain.links)
    assert coded.codes == (Code("a.png", EVIL), Code("b.png", "https://sender.example/"))
    assert coded.fingerprint != plain.fingerprint
    assert Summary.from_json(coded.as_json()) == coded


def test_no_code_changes_nothing_and_many_are_cut() -> None:
    assert add_codes(Summary(), []) == Summary()
    assert len(add_codes(Summary(), [("a.png", f"https://{number}.example/") for number in range(CODES + 5)]).codes) == CODES
