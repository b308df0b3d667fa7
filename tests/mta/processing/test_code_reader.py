"""QR codes read in real sandboxes: pages of PDF documents, hostile ones, children that are taken over, and what a message says without."""

import time
from collections.abc import Callable, Iterator

import pytest

from mta.processing import code_reader
from mta.processing.code_reader import CodeReader, parse_answer
from tests.effort import long
from tests.triage import pdfs
from tests.triage.message.codes.made_codes import EVIL, code_document, code_picture, letter
from triage.message.codes.read_codes import PAGES
from triage.message.summary import Code, Link, Summary, make_summary
from triage.runtime import sandbox
from triage.runtime.sandbox_pool import Overrun

pytestmark = pytest.mark.peers  # poppler and bubblewrap are the distribution's


@pytest.fixture(scope="module")
def reader() -> Iterator[CodeReader]:
    """The reader of a judge."""
    sandbox.sandbox_wrapper.cache_clear()
    with CodeReader() as opened:
        assert opened.draws, "bwrap is there and does not work"
        yield opened


def read(reader: CodeReader, raw: bytes) -> Summary:
    """Summary of a message with its codes."""
    return reader.read(make_summary(raw), raw)


def test_the_code_of_a_page_is_a_link_of_the_message(reader: CodeReader) -> None:
    found = read(reader, letter(("salary.pdf", code_document(EVIL, page=2)), ("scan.png", code_picture("https://two.example/"))))
    assert found.codes == (Code("scan.png", "https://two.example/"), Code("salary.pdf", EVIL))
    assert found.links == (Link("", "https://two.example/"), Link("", EVIL))
    assert not found.problems


def test_pages_behind_the_first_ones_and_documents_without_codes_say_nothing(reader: CodeReader) -> None:
    raw = letter(("late.pdf", code_document(EVIL, page=PAGES + 1)), ("plain.pdf", pdfs.pdf(pdfs.HELLO)), ("broken.pdf", b"%PDF-1.7"))
    assert read(reader, raw).codes == ()


@pytest.mark.parametrize("made", [pdfs.endless, long(pdfs.bomb), pdfs.picture_bomb])
def test_a_hostile_document_ends_in_time_and_hides_no_picture(reader: CodeReader, made: Callable[[], bytes]) -> None:
    begun = time.monotonic()
    found = read(reader, letter(("hostile.pdf", made()), ("scan.png", code_picture(EVIL))))
    assert found.codes == (Code("scan.png", EVIL),)
    assert time.monotonic() - begun < 2 * (code_reader.SEARCH + code_reader.OVERTIME)


def test_a_message_without_pictures_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    with CodeReader() as reader:
        monkeypatch.setattr(reader.pool, "run", lambda *_, **__: pytest.fail("asked"))
        plain = make_summary(letter(("notes.txt", b"words")))
        assert reader.read(plain, b"") is plain


def refuse(fault: Exception) -> Callable[..., bytes]:
    """A pool that has no answer."""

    def run(*_: object, **__: object) -> bytes:
        raise fault

    return run


@pytest.mark.parametrize(
    ("fault", "problem", "overlooked"),
    [
        (Overrun("it took too long"), "Its pictures could not be searched for QR codes: it took too long.", True),
        (RuntimeError("no parser answers"), "Its pictures were not searched for QR codes.", False),
    ],
)
def test_without_an_answer_the_message_goes_on_and_says_so(
    monkeypatch: pytest.MonkeyPatch, fault: Exception, problem: str, overlooked: bool
) -> None:
    with CodeReader() as reader:
        monkeypatch.setattr(reader.pool, "run", refuse(fault))
        found = reader.read(Summary(pictures=1), b"")
    assert (found.problems, found.overlooked) == ((problem,), (problem,) if overlooked else ())


@pytest.mark.parametrize(("left", "verb"), [(1, "was"), (3, "were")])
def test_what_was_left_out_is_said(monkeypatch: pytest.MonkeyPatch, left: int, verb: str) -> None:
    with CodeReader() as reader:
        monkeypatch.setattr(reader.pool, "run", lambda *_, **__: b'{"found": [["a.png", "https://a.example/"]], "left": %d}' % left)
        found = reader.read(Summary(pictures=1), b"")
    assert found.codes == (Code("a.png", "https://a.example/"),)
    assert found.overlooked == (f"{left} of its pictures and documents {verb} not searched for QR codes: there were too many.",)


def test_a_message_does_not_wait_long_for_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_reader, "PATIENCE", 0.01)
    with CodeReader() as reader:
        places = [reader.pool.take_place() for _ in range(code_reader.CHILDREN)]
        found = reader.read(Summary(pictures=1), b"")
        for place in places:
            reader.pool.give_back(place)
    assert found.problems == ("Its pictures were not searched for QR codes: too many messages have some.",)


ODD = [
    f'{{"found": {found}, "left": {left}}}'.encode()
    for found, left in (("7", 0), ('[["a"]]', 0), ('[["a", 7]]', 0), ("[]", -1), ("[]", '"1"'), ("[]", "[]"))
]


@pytest.mark.parametrize("answer", [b"", b"{", b"7", b"[]", b'{"a": "b"}', b"[" * 10_000, *ODD])
def test_a_child_that_was_taken_over_is_not_believed(answer: bytes) -> None:
    with pytest.raises(Overrun):
        parse_answer(answer)


def test_where_no_program_may_be_started_pictures_are_read_and_documents_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "can_draw", lambda: False)
    raw = letter(("a.pdf", code_document(EVIL)), ("a.png", code_picture(EVIL)))
    with CodeReader() as reader:
        assert read(reader, raw).codes == (), "without a sandbox nothing is read"
        reader.searches = True  # as behind a parser's socket
        assert read(reader, raw).codes == (Code("a.png", EVIL),)
