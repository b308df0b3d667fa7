"""Aggregate reports as receivers write them, and what is made to harm whoever reads one."""

import gzip
import json
import time
import tracemalloc

import pytest
from hypothesis import given, settings, strategies as st

from tests.effort import examples
from tests.triage.message.dmarc_reports.made_reports import BEGIN, DAY, OURS, letter, packings, record, report, result, zipped
from tests.triage.messages import multipart, part
from triage.message.dmarc_reports import aggregate_report, read_report as reading, report_xml
from triage.message.dmarc_reports.aggregate_report import AggregateReport, Service, about_domains
from triage.message.dmarc_reports.read_report import read_json

WHOLE = AggregateReport("r1", "company.example", BEGIN, BEGIN + DAY, (Service("company.example", "192.0.2.0/24", "dkim", 7),))


def read_report(raw: bytes, seconds: float = 60) -> AggregateReport | None:
    """The report of a message, with time enough."""
    return reading.read_report(raw, time.monotonic() + seconds)


@pytest.mark.parametrize("raw", packings(report(OURS)), ids=["gzip", "zip", "plain", "by-name", "alone"])
def test_a_report_is_read_however_it_is_packed(raw: bytes) -> None:
    assert read_report(raw) == WHOLE
    assert AggregateReport.from_json(json.loads(read_json(raw, {"seconds": 60}))) == WHOLE


def test_a_report_of_the_newer_form_is_read_too() -> None:
    assert read_report(letter(report(OURS, root='feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0"'), "text/xml", "r.xml")) == WHOLE


@pytest.mark.parametrize(
    ("said", "name", "proof"),
    [
        (record(dkim="pass", results=result("dkim", "company.example") + result("dkim", "bulk.example")), "bulk.example", "dkim"),
        (record(dkim="pass", results=result("dkim", "company.example")), "192.0.2.0/24", "dkim"),
        (record(spf="pass", results=result("spf", "bounce.company.example")), "192.0.2.0/24", "spf"),
        (record(results=result("dkim", "a.bulk.example") + result("spf", "mail.other.example")), "bulk.example", "elsewhere"),
        (record(results=result("spf", "mail.other.example")), "other.example", "elsewhere"),
        (record(results=result("spf", "mail.other.example", "fail")), "192.0.2.0/24", "none"),
        (record(ip="2001:db8:1:2::3"), "2001:db8:1::/48", "none"),
        (record(reason="forwarded", results=result("spf", "forwarder.example")), "forwarder.example", "forwarded"),
        (record(reason="mailing_list"), "192.0.2.0/24", "forwarded"),
        (record(reason="sampled_out"), "192.0.2.0/24", "none"),
    ],
)
def test_what_is_said_of_a_service(said: str, name: str, proof: str) -> None:
    found = read_report(letter(gzip.compress(report(said))))
    assert found
    assert found.services == (Service("company.example", name, proof, 7),)  # type: ignore[arg-type]


def test_records_of_one_service_are_one_and_odd_ones_are_left_out() -> None:
    odd = [record(ip="here"), record(count="many"), record(count=-3), record(author="@"), "<record></record>"]
    found = read_report(letter(gzip.compress(report(OURS, *odd, OURS, record(count=1)))))
    assert found
    assert [(one.proof, one.messages) for one in found.services] == [("dkim", 14), ("none", 1)]


def test_a_long_report_is_kept_small() -> None:
    many = [record(ip=f"192.{number // 250}.{number % 250}.1", count=1 + (number < 100)) for number in range(300)]
    found = read_report(letter(gzip.compress(report(*many))))
    assert found
    assert len(found.services) == aggregate_report.SERVICES + 1
    assert found.services[-1] == Service("company.example", "", "none", 200)


def test_only_services_that_send_as_our_domains_are_of_interest() -> None:
    others = (record(author=domain) for domain in ("news.company.example", "company.example.evil.test"))
    found = read_report(letter(gzip.compress(report(OURS, *others))))
    assert found
    assert [one.domain for one in about_domains(found, {"company.example"})] == ["company.example", "news.company.example"]


BOMB = b'<!DOCTYPE f [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = b'<!DOCTYPE f [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    "xml",
    [
        b"",
        b"no xml",
        report(OURS)[:-20],
        BOMB + report(OURS).partition(b"\n")[2].replace(b"r1", b"&b;"),
        OUTSIDE + report(OURS).partition(b"\n")[2].replace(b"r1", b"&x;"),
        report(OURS, root="feedbacks"),
        report(OURS).replace(b"<report_id>r1</report_id>", b""),
        report(OURS, report_id="x" * 300),
        report(OURS, domain="no domain"),
        report(OURS, begin=BEGIN + 9 * DAY),
        report(OURS, begin=-5),
        report("<a>" * 50 + "</a>" * 50),
        b"<?xml version='1.0' encoding='klingon'?><feedback/>",
    ],
    ids=["empty", "text", "cut", "entities", "outside", "root", "no-id", "long-id", "domain", "backwards", "early", "deep", "charset"],
)
def test_what_is_no_report_says_nothing(xml: bytes) -> None:
    assert [read_report(raw) for raw in packings(xml)] == [None] * 5


@pytest.mark.parametrize("pack", [gzip.compress, lambda xml: zipped(("r.xml", xml))], ids=["gzip", "zip"])
def test_a_bomb_is_unpacked_no_further_than_the_limit(pack: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "UNPACKED", 100_000)
    raw = letter(pack(report(OURS) + b" " * 50_000_000))  # type: ignore[operator]
    tracemalloc.start()
    assert read_report(raw) is None
    assert tracemalloc.get_traced_memory()[1] < 3_000_000
    tracemalloc.stop()


def test_a_report_with_too_many_records_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_xml, "RECORDS", 2)
    assert read_report(letter(gzip.compress(report(OURS, OURS, OURS)))) is None


MANY = "<a/>" * 400_000


@pytest.mark.parametrize(
    "filled",
    [report(MANY), report(f"<record>{MANY}</record>"), report(OURS.replace("</row>", f"</row>{MANY}"))],
    ids=["outside", "record", "row"],
)
def test_a_small_file_of_many_elements_is_left_early(filled: bytes) -> None:
    raw = letter(gzip.compress(filled))
    begun = time.process_time()
    assert read_report(raw) is None
    assert time.process_time() - begun < 0.3  # all of them take seconds


def test_without_time_nothing_is_read_and_files_share_the_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    xml = report(OURS)
    assert read_report(letter(xml, "text/xml", "r.xml"), seconds=-1) is None
    two = multipart(*(part("Content-Type: text/xml", one, encoded=True) for one in (b"<" + xml, xml)))
    assert read_report(two) == WHOLE
    monkeypatch.setattr(reading, "UNPACKED", 2 * len(xml))
    assert read_report(two) is None


@pytest.mark.parametrize("content", [b"\x1f\x8b broken", b"PK\x03\x04 broken", zipped(("r.txt", report(OURS))), zipped()])
def test_broken_archives_are_no_reports(content: bytes) -> None:
    assert read_report(letter(content)) is None


def test_a_failure_report_is_not_read() -> None:
    feedback = part("Content-Type: message/feedback-report", b"Feedback-Type: auth-failure\r\nVersion: 1\r\n")
    assert read_report(multipart(part("Content-Type: text/plain", b"x"), feedback, subtype="report")) is None


@given(st.recursive(st.none() | st.integers() | st.text(max_size=9), lambda one: st.lists(one, max_size=3) | st.dictionaries(
    st.sampled_from(["report_id", "domain", "begin", "end", "services", "name", "proof", "messages"]), one, max_size=8)))  # fmt: skip
@settings(max_examples=examples(40))
def test_a_reader_that_was_taken_over_is_not_believed(said: object) -> None:
    try:
        found = AggregateReport.from_json(said)  # type: ignore[arg-type]
    except ValueError:
        return
    assert AggregateReport.from_json(json.loads(json.dumps(found.as_json()))) == found
