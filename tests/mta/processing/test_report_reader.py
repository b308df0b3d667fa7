"""Aggregate reports read in a real sandbox: those to the address for them, and nothing else."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from mta.processing.report_reader import ReportReader
from tests.triage.arriving import envelope
from tests.triage.message.dmarc_reports.made_reports import OURS, letter, packings, report
from triage.message.dmarc_reports.read_report import read_report
from triage.runtime.sandbox_pool import Overrun

RUA = "dmarc@company.example"


@pytest.fixture
def reader() -> Iterator[ReportReader]:
    """The reader of a judge."""
    with ReportReader(frozenset({RUA})) as opened:
        yield opened


def test_reports_to_the_address_are_read(reader: ReportReader) -> None:
    for raw in packings(report(OURS)):
        found = reader.read(envelope("DMARC@company.example"), raw)
        assert found
        assert found == read_report(raw)
    assert reader.read(envelope(RUA), letter(b"broken")) is None


def test_nothing_else_is_read(reader: ReportReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader.pool, "run", lambda *_: pytest.fail("asked"))
    (raw, *_) = packings(report(OURS))
    assert reader.read(envelope("it+joe.fern@company.example"), raw) is None
    assert reader.read(replace(envelope(), recipients=("odd address",)), raw) is None
    with ReportReader(frozenset()) as nobody:
        assert nobody.read(envelope(RUA), raw) is None


@pytest.mark.parametrize("answer", [b"7", b"[]", b'{"report_id": 7}', b"{", b"[" * 10_000, Overrun("it took too long")])
def test_a_reader_without_an_answer_or_with_another_one_has_read_nothing(
    reader: ReportReader, answer: bytes | Overrun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(_: bytes) -> bytes:
        if isinstance(answer, Overrun):
            raise answer
        return answer

    monkeypatch.setattr(reader.pool, "run", run)
    assert reader.read(envelope(RUA), b"") is None
