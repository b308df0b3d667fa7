"""Reads what partners forward, in a real sandbox: messages to the address for reports, and nothing else."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from mta.processing.partner_reader import PartnerReader, may_report
from tests.triage.arriving import envelope, summary
from triage.message.authentication import Dmarc, Result
from triage.message.forwarded import referenced_messages
from triage.runtime.sandbox_pool import Busy, Overrun

REPORT, KIM = "report@company.example", "kim@partner.example"
PROVEN = Dmarc(Result.PASS, "partner.example", "partner.example", "reject", ("dkim",))
RAW = b"From: kim@partner.example\r\nSubject: Fwd: Your invoice\r\n\r\nFrom: <pay@evil.example>\r\nSubject: Your invoice\r\n\r\nPay now\r\n"


@pytest.fixture(scope="module")
def reader() -> Iterator[PartnerReader]:
    """The reader of a judge."""
    with PartnerReader(frozenset({REPORT}), frozenset({"partner.example"})) as opened:
        yield opened


def test_what_a_partner_forwards_is_read(reader: PartnerReader) -> None:
    (found,) = reader.read(envelope("REPORT@company.example"), RAW, PROVEN) or ()
    assert (found.author, found.subject) == ("pay@evil.example", "Your invoice")
    assert reader.read(envelope(REPORT), RAW, PROVEN) == referenced_messages(RAW)
    assert reader.read(envelope(REPORT), RAW, replace(PROVEN, result=Result.TEMPERROR)), "it may be proven when DNS answers"


def test_nothing_else_is_read(reader: PartnerReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader.pool, "run", lambda *_, **__: pytest.fail("asked"))
    assert reader.read(envelope("joe.fern@company.example"), RAW, PROVEN) is None
    assert reader.read(replace(envelope(), recipients=("odd address",)), RAW, PROVEN) is None
    for domain in ("other.example", "sub.partner.example", "artner.example", ""):
        assert reader.read(envelope(REPORT), RAW, replace(PROVEN, domain=domain)) is None
    for result in set(Result) - {Result.PASS, Result.TEMPERROR}:
        assert reader.read(envelope(REPORT), RAW, replace(PROVEN, result=result)) is None, "anybody can send to the address"


@pytest.mark.parametrize("fault", [Overrun("it took too long"), RuntimeError("no child")])
def test_a_reader_without_an_answer_still_says_that_it_is_a_report(
    reader: PartnerReader, fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: object, **__: object) -> bytes:
        raise fault

    monkeypatch.setattr(reader.pool, "run", run)
    assert reader.read(envelope(REPORT), RAW, PROVEN) == ()


@pytest.mark.parametrize("answer", [b"", b"{}", b"[]", b'{"pointed": [{"odd": 1}]}', b'{"pointed": 1}', b"[" * 100_000])
def test_what_a_child_says_that_was_taken_over_is_no_answer(reader: PartnerReader, answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader.pool, "run", lambda *_, **__: answer)
    assert reader.read(envelope(REPORT), RAW, PROVEN) == ()


def test_a_report_waits_for_others_and_is_read_later(reader: PartnerReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader.pool, "patience", 0.01)
    place = reader.pool.take_place()
    with pytest.raises(Busy):
        reader.read(envelope(REPORT), RAW, PROVEN)
    reader.pool.give_back(place)
    assert reader.read(envelope(REPORT), RAW, PROVEN)


@given(raw=st.binary(max_size=2000))
def test_no_bytes_of_a_partner_break_it(reader: PartnerReader, raw: bytes) -> None:
    assert reader.read(envelope(REPORT), RAW + raw, PROVEN) is not None


@pytest.mark.parametrize(
    ("more", "reverse_path", "may"),
    [
        ({}, KIM, True),
        ({}, "", False),
        ({"automatic": "auto-replied"}, KIM, False),
        ({"content_type": "multipart/report"}, KIM, False),
    ],
)
def test_no_program_reports(more: dict[str, object], reverse_path: str, may: bool) -> None:
    assert may_report(envelope(REPORT, reverse_path=reverse_path), summary(KIM, **more)) is may  # type: ignore[arg-type]
