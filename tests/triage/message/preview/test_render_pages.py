"""Pages as pixels, drawn where nothing can be reached: what is good is shown, what is made to do harm costs its own page only."""

import io
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.peers.processes import HANG
from tests.triage import pdfs
from triage.message.mime.images import as_png
from triage.message.preview.render_pages import SIDE
from triage.message.preview.rendered_pages import BROKEN, LOCKED, PAGES, UNKNOWN, NotDrawn, count_of, pack_answer, page_of
from triage.runtime import sandbox
from triage.runtime.sandbox_pool import Overrun, Pool

MEMORY = 512 * 1024 * 1024
RED, WHITE = (255, 0, 0), (255, 255, 255)

pytestmark = pytest.mark.peers  # poppler and bubblewrap are the distribution's


@pytest.fixture(scope="module")
def drawer() -> Iterator[Pool]:
    """Sandboxed renderer."""
    sandbox.sandbox_wrapper.cache_clear()
    assert sandbox.can_draw(), "bwrap is there and does not work"
    with Pool("triage.message.preview.render_pages:draw_page", size=1, memory_bytes=MEMORY, seconds=HANG, programs=1) as children:
        yield children


def shown(drawer: Pool, raw: bytes, page: int = 1) -> Image.Image:
    """A page, as the browser gets it."""
    return Image.open(io.BytesIO(as_png(*page_of(drawer.run(raw, page=page)))))


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """A picture as a file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def test_each_page_of_a_pdf_is_a_picture(drawer: Pool) -> None:
    raw = pdfs.pdf(pdfs.RED, pdfs.HELLO)
    assert count_of(drawer.run(raw, page=0)) == 2
    first, second = shown(drawer, raw), shown(drawer, raw, 2)
    assert (first.size, first.getcolors()) == ((SIDE, SIDE // 2), [(SIDE * SIDE // 2, RED)])
    assert second.getpixel((0, 0)) == WHITE
    assert second.convert("L").histogram()[:64] != [0] * 64, "words are written in a font that the sandbox sees"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
def test_pictures_are_drawn_anew(drawer: Pool, kind: str) -> None:
    raw = saved(Image.new("RGB", (3000, 1000), RED), kind)
    assert count_of(drawer.run(raw, page=0)) == 1
    drawn = shown(drawer, raw)
    assert drawn.size == (SIDE, SIDE // 3 + (SIDE % 3 > 1))
    assert all(abs(have - want) < 4 for have, want in zip(drawn.getpixel((9, 9)), RED, strict=True))  # type: ignore[arg-type]


def test_what_shows_through_is_white_and_small_pictures_stay_small(drawer: Pool) -> None:
    drawn = shown(drawer, saved(Image.new("RGBA", (7, 5), (0, 0, 0, 0)), "PNG"))
    assert (drawn.size, drawn.getpixel((3, 3))) == ((7, 5), WHITE)


def test_a_fax_has_pages(drawer: Pool) -> None:
    raw = saved(Image.new("1", (80, 50), 1), "TIFF", save_all=True, append_images=[Image.new("1", (80, 50), 0)])
    assert count_of(drawer.run(raw, page=0)) == 2
    assert [shown(drawer, raw, page).getpixel((1, 1)) for page in (1, 2)] == [WHITE, (0, 0, 0)]


def test_of_a_long_document_the_first_pages_are_shown(drawer: Pool) -> None:
    assert count_of(drawer.run(pdfs.pdf(*[b""] * (PAGES + 5)), page=0)) == PAGES


def huge_png() -> bytes:
    """A small file that says it is 60,000 by 60,000 pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1_000_000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"MZ\x90\x00 a program", UNKNOWN),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", UNKNOWN),
        (b"", UNKNOWN),
        (b"%PDF-1.7 and then nothing", BROKEN),
        (pdfs.pdf(), BROKEN),
        (huge_png(), BROKEN),
        (saved(Image.new("RGB", (50, 50)), "PNG")[:60], BROKEN),
    ],
    ids=["program", "svg", "empty", "no-pdf", "no-page", "huge", "cut"],
)
def test_what_cannot_be_shown_says_why(drawer: Pool, raw: bytes, why: str) -> None:
    with pytest.raises(NotDrawn, match=why):
        shown(drawer, raw)


def test_a_locked_pdf_says_so(drawer: Pool) -> None:
    encrypt = b"/Encrypt << /Filter /Standard /V 1 /R 2 /O <%s> /U <%s> /P -44 >> /ID [<00> <00>]" % (b"11" * 32, b"22" * 32)
    with pytest.raises(NotDrawn, match=LOCKED):
        count_of(drawer.run(pdfs.pdf(pdfs.RED).replace(b"/Root 1 0 R", b"/Root 1 0 R " + encrypt), page=0))


def test_a_picture_that_unfolds_to_gigabytes_is_drawn_within_the_limits(drawer: Pool) -> None:
    assert shown(drawer, pdfs.picture_bomb()).size == (SIDE, SIDE // 2)


@pytest.mark.parametrize("made", [pdfs.endless, pdfs.bomb])
def test_what_would_draw_for_ever_or_fill_the_memory_ends_and_the_next_page_is_drawn(made: Callable[[], bytes]) -> None:
    with Pool("triage.message.preview.render_pages:draw_page", size=1, memory_bytes=MEMORY, seconds=3.0, programs=1) as drawer:
        with pytest.raises((Overrun, NotDrawn)):
            page_of(drawer.run(made(), page=1))
        assert shown(drawer, pdfs.pdf(pdfs.RED)).getpixel((0, 0)) == RED


def test_a_program_in_the_sandbox_reaches_no_file_no_process_and_no_network(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the secret")
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Pool("tests.triage.children:run_shell", size=1, memory_bytes=MEMORY, seconds=HANG, programs=4) as children,
    ):
        port = server.getsockname()[1]

        def print_output(words: str) -> str:
            return children.run(words.encode()).decode().strip()

        assert print_output("echo it runs") == "it runs"
        assert print_output(f"cat {secret} /etc/passwd /etc/shadow; ls /etc") == "ld.so.cache"
        assert print_output("ls /home /var /run") == ""
        assert print_output(f"(echo here >/dev/tcp/127.0.0.1/{port}) 2>/dev/null && echo connected || echo refused") == "refused"
        assert print_output("echo x >/usr/x && echo wrote; echo x >/dev/shm/x && echo wrote") == ""
        assert print_output("ls -d /proc/[0-9]* | wc -l") in {"3", "4", "5"}, "bubblewrap's, the child's, the shell's own"
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_programs_are_few_and_small() -> None:
    with Pool("tests.triage.children:run_shell", size=1, memory_bytes=MEMORY, seconds=HANG, programs=1) as children:
        assert children.run(b"ulimit -u; ulimit -v; ulimit -f; ulimit -c").split() == [b"16", b"%d" % (MEMORY // 1024), b"0", b"0"]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"pages": "2"}',
        b'{"pages": 0}',
        b'{"pages": 51}',
        b'{"width": 1, "height": 1}\n<svg',
        b'{"width": -1, "height": -1}\nabc',
        b'{"why": ["x"]}',
        b'{"why": "<script>"}',
        b"[" * 100_000,
    ],
    ids=lambda answer: answer[:30].decode(),
)
def test_a_drawer_that_was_taken_over_is_not_believed(answer: bytes) -> None:
    for read in (count_of, page_of):
        with pytest.raises(NotDrawn, match=BROKEN):
            read(answer)


def test_pixels_become_a_png_whatever_they_say() -> None:
    assert page_of(pack_answer({"width": 2, "height": 1}, b"<svg>x")) == (2, 1, b"<svg>x")
    assert Image.open(io.BytesIO(as_png(2, 1, b"<svg>x"))).getpixel((1, 0)) == tuple(b"g>x")


def test_without_a_sandbox_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "sandbox_wrapper", tuple)
    assert not sandbox.can_draw()
    monkeypatch.setenv(sandbox.DRAWER, "/run/mailroom/draw.sock")
    assert sandbox.can_draw()
    monkeypatch.delenv(sandbox.DRAWER)
    monkeypatch.setenv(sandbox.SOCKET, "/run/mailroom/parse.sock")
    monkeypatch.setattr(sandbox, "sandbox_wrapper", lambda: ("bwrap",))
    assert not sandbox.can_draw(), "a unit that has its parsers elsewhere starts no program"
