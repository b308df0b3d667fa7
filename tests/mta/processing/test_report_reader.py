"""Aggregate reports read in a real sandbox: those to the address for them, and nothing else."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from mta.processing.report_reader import ReportReader
from tests.triage.arriving import envelope
from tests.triage.message.dmarc_reports.made_reports import OURS, letter, packings, report
from triage.message.authentication import Dmarc, Result
from triage.message.dmarc_reports.read_report import read_report
from triage.runtime.sandbox_pool import Busy, Overrun

RUA = "dmarc@company.example"
PROVEN = Dmarc(Result.PASS, "receiver.example", "receiver.example", "none", ("dkim",))


@pytest.fixture
def reader() -> Iterator[ReportReader]:
    """The reader of a judge."""
    with ReportReader(frozenset({RUA})) as opened:
        yield opened


def test_reports_to_the_address_are_read(reader: ReportReader) -> None:
    for raw in packings(report(OURS)):
        found = reader.read(envelope("DMARC@company.example"), raw, PROVEN)
        assert found
        assert found == read_report(raw, float("inf"))
    assert reader.read(envelope(RUA), letter(b"broken"), PROVEN) is None


def test_nothing_else_is_read(reader: ReportReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader.pool, "run", lambda *_: pytest.fail("asked"))
    (raw, *_) = packings(report(OURS))
    assert reader.read(envelope("it+joe.fern@company.example"), raw, PROVEN) is None
    assert reader.read(replace(envelope(), recipients=("odd address",)), raw, PROVEN) is None
    for result in set(Result) - {Result.PASS}:
        assert reader.read(envelope(RUA), raw, replace(PROVEN, result=result)) is None, "anybody can send to the address"
    with ReportReader(frozenset()) as nobody:
        assert nobody.read(envelope(RUA), raw, PROVEN) is None


@pytest.mark.parametrize(
    "answer", [b"7", b"[]", b'{"report_id": 7}', b"{", b"[" * 10_000, Overrun("it took too long"), RuntimeError("no child")]
)
def test_a_reader_without_an_answer_or_with_another_one_has_read_nothing(
    reader: ReportReader, answer: bytes | Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: object, **__: object) -> bytes:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(reader.pool, "run", run)
    assert reader.read(envelope(RUA), b"", PROVEN) is None


def test_a_report_does_not_wait_long_for_others_and_is_read_later(reader: ReportReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader.pool, "patience", 0.01)
    (raw, *_) = packings(report(OURS))
    place = reader.pool.take_place()
    with pytest.raises(Busy):
        reader.read(envelope(RUA), raw, PROVEN)
    reader.pool.give_back(place)
    assert reader.read(envelope(RUA), raw, PROVEN)
