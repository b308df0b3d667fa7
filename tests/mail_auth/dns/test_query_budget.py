"""Budget of DNS queries for one message."""

import time
from pathlib import Path

import pytest

from mail_auth.dns import query_budget
from mail_auth.dns.dns_client import NetworkResolver
from mail_auth.dns.query_budget import Questions, Temporary, TooManyQuestions
from mail_auth.dns.resolver_factory import open_resolver
from mail_auth.dns.zone_file import ZoneFileResolver
from tests.mail_auth.answers import Answers, Function
from triage.config.settings import Dns


def test_open_resolver(tmp_path: Path) -> None:
    (tmp_path / "zone").write_text("mx.example.com. A 192.0.2.1\n")
    assert isinstance(open_resolver(Dns(zone_file=str(tmp_path / "zone"))), ZoneFileResolver)
    network = open_resolver(Dns(nameservers=("127.0.0.1:5353",), timeout=7))
    assert isinstance(network, NetworkResolver)
    assert network.timeout == 7


def test_questions_are_counted_and_remembered() -> None:
    zone = Answers({"silent.example": "SILENT", "a.example A": "192.0.2.1"})
    questions = Questions(zone, limit=3)
    for _ in range(3):
        assert questions.ask("A.example.", "A") == ("192.0.2.1",)
        assert questions.ask("b.example", "A") == ()
        with pytest.raises(Temporary):
            questions.texts("silent.example")
    assert len(zone.asked) == questions.asked == 3
    with pytest.raises(TooManyQuestions):
        questions.ask("c.example", "A")
    assert len(zone.asked) == 3


def test_answers_that_take_long_to_read_are_the_last_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_budget, "EFFORT", 0.02)

    def slow(name: str, rdtype: str) -> tuple[bytes, ...]:
        end = time.thread_time() + 0.015
        while time.thread_time() < end:
            pass
        return (name.encode(),)

    questions = Questions(Function(slow))
    assert [questions.texts(name) for name in ("a.example", "b.example")] == [(b"a.example",), (b"b.example",)]
    assert questions.texts("a.example") == (b"a.example",)
    with pytest.raises(TooManyQuestions, match="too long"):
        questions.ask("c.example", "TXT")


def test_no_two_questions_are_one_by_the_case_of_letters() -> None:
    zone = Answers({"a.example": "x"})
    questions = Questions(zone)
    assert questions.texts("A.EXAMPLE") == questions.texts("a.example.") == (b"x",)
    assert zone.asked == ["a.example txt"]
