"""Reads the XML of an aggregate report (RFC 7489, appendix C; RFC 9990) in one pass, within limits and without entities."""

import contextlib
import ipaddress
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from triage.addressing.envelope import ascii_domain
from triage.message.dmarc_reports.aggregate_report import MOST, WORD_LIMIT, AggregateReport, Record, group_services

DEPTH = 12  # elements within each other
RECORDS = 20_000  # of one report
AUTHENTICATIONS = 20  # results of one record
ELEMENTS = 500  # of one record, and of all that is outside records
PIECE = 64 * 1024  # bytes between looks at the clock
FORMS = "feedback"  # the root, in whatever namespace


class NoReport(Exception):
    """Raised for a file that is no readable aggregate report."""


@dataclass
class Reading:
    """State of the parser: the path to the current element, the fields of the report, and of the record that is open."""

    path: list[str] = field(default_factory=list)
    text: str = ""
    about: dict[str, str] = field(default_factory=dict)
    record: list[tuple[str, str]] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    elements: Counter[bool] = field(default_factory=Counter)  # by whether they are of the record

    def open(self, name: str, _attributes: dict[str, str]) -> None:
        """An element begins."""
        self.path.append(name.rpartition(" ")[2])
        self.text = ""
        if len(self.path) > DEPTH or self.path[0] != FORMS:
            raise NoReport
        if self.path == [FORMS, "record"]:
            self.record, self.elements[True] = [], 0
        inside = self.path[:2] == [FORMS, "record"]
        self.elements[inside] += 1
        if self.elements[inside] > ELEMENTS:
            raise NoReport

    def add_text(self, text: str) -> None:
        """Text of the element, as much of it as anybody needs."""
        self.text = (self.text + text)[: WORD_LIMIT + 1]

    def close(self, _name: str) -> None:
        """An element ends."""
        value, self.text = self.text.strip(), ""
        if self.path == [FORMS, "record"]:
            self.end_record()
        elif self.path[:2] == [FORMS, "record"]:
            self.record.append(("/".join(self.path[2:]), value))
        elif value:
            self.about.setdefault("/".join(self.path[1:]), value)
        self.path.pop()

    def end_record(self) -> None:
        """A record is complete."""
        if len(self.records) >= RECORDS:
            raise NoReport
        with contextlib.suppress(KeyError, ValueError):  # a record that is wrong takes no other one with it
            self.records.append(make_record(self.record))


def parse_report(xml: bytes, deadline: float) -> AggregateReport:
    """The report. NoReport for anything else: a document type, an entity, what lacks a field that each has, what takes too long."""
    reading = Reading()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = reading.open, reading.close, reading.add_text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse_declaration
    try:
        for begin in range(0, len(xml), PIECE):
            if time.monotonic() > deadline:
                raise NoReport
            parser.Parse(xml[begin : begin + PIECE])
        parser.Parse(b"", True)
        about = reading.about
        report_id = about["report_metadata/report_id"]
        begin, end = (int(about[f"report_metadata/date_range/{name}"]) for name in ("begin", "end"))
        domain = read_domain(about["policy_published/domain"])
        return AggregateReport.from_json(AggregateReport(report_id, domain, begin, end, group_services(reading.records)).as_json())
    except (expat.ExpatError, KeyError, ValueError, LookupError) as fault:
        raise NoReport from fault


def refuse_declaration(*_: object) -> None:
    """No report declares anything."""
    raise NoReport


def make_record(fields: list[tuple[str, str]]) -> Record:
    """A record of its fields, each a path and a text. ValueError where one is no address, number or domain; KeyError where one lacks."""
    one = dict(fields)
    count = int(one["row/count"])
    if not 0 <= count <= MOST:
        raise ValueError("no count")
    return Record(
        address=str(ipaddress.ip_address(one["row/source_ip"])),
        count=count,
        author_domain=read_domain(one["identifiers/header_from"]),
        dkim=one.get("row/policy_evaluated/dkim", "").casefold() == "pass",
        spf=one.get("row/policy_evaluated/spf", "").casefold() == "pass",
        reasons=frozenset(value.casefold() for name, value in fields if name == "row/policy_evaluated/reason/type"),
        passed=(*list_passed(fields, "dkim"), *list_passed(fields, "spf")),
    )


def list_passed(fields: list[tuple[str, str]], method: str) -> Iterator[str]:
    """The domains that this method proves."""
    above, said, left = f"auth_results/{method}", dict[str, str](), AUTHENTICATIONS
    for name, value in fields:
        if name == above and left:
            left -= 1
            if said.get("result", "").casefold() == "pass":
                with contextlib.suppress(ValueError):
                    yield read_domain(said.get("domain", ""))
            said = {}
        elif name.startswith(f"{above}/"):
            said[name.rpartition("/")[2]] = value


def read_domain(text: str) -> str:
    """A domain in its ASCII form, folded. ValueError when it is none."""
    return ascii_domain(text.rstrip("."))
