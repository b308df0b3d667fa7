"""DMARC: the vectors of mail-auth, of mailauth and of OpenDMARC."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mail_auth import dmarc, dmarc_record, message
from mail_auth.authenticate import author_of
from mail_auth.dns.query_budget import Questions
from tests.mail_auth.answers import Answers
from tests.mail_auth.suites.counting import Case, Suite
from triage.message.authentication import Dmarc, Result

FIELDS = {"status.result": "result", "policy": "policy", "p": "policy"}  # of mailauth's answers, as we call them


def evaluated(author: str, zone: Answers, signers: list[str], senders: list[str]) -> Dmarc:
    """DMARC for an author's domain when these domains have passed."""
    questions = Questions(zone)
    found = dmarc.discover_record(author, questions)
    proven = [
        dmarc.find_identifier(method, domain, Result.PASS, found, questions)
        for method, domains in (("spf", senders), ("dkim", signers))
        for domain in domains
    ]
    return dmarc.evaluate_dmarc(found, proven)


def vectors(directory: Path, file: str) -> Any:
    """A file of vectors."""
    return json.loads((directory / "dmarc" / file).read_text())


def mail_auth(directory: Path) -> Iterator[Case]:
    """Zone, author, what has passed, and what follows."""
    for vector in vectors(directory, "mail-auth-dmarc.json"):
        zone = Answers(vector["dns"] | {f"{name} A": "192.0.2.1" for name in vector.get("exists", [])})
        outcome = evaluated(vector["from"].partition("@")[2], zone, vector["dkim"], vector["spf"])
        methods = {method: "pass" if method in outcome.aligned else "fail" for method in ("spf", "dkim")}
        got = methods | {"policy": outcome.policy, "result": str(outcome.result)}
        yield Case(vector["name"], {key: got[key] for key in vector["expect"]} == vector["expect"], f"{got} instead of {vector['expect']}")


def mailauth(directory: Path) -> Iterator[Case]:
    """Arguments and answers as recorded from mailauth's tests; of each the result and the policy."""
    for vector in vectors(directory, "mailauth-dmarc.json"):
        faults = [fault for number, call in enumerate(vector["calls"]) if (fault := mailauth_fault(vector, number, call))]
        yield Case(vector["name"], not faults, "; ".join(faults))


def mailauth_fault(vector: dict[str, Any], number: int, call: dict[str, Any]) -> str:
    """Differences in one call; "" without any."""
    wanted = {
        FIELDS[path]: one["value"]
        for one in vector["expect"]
        if one["op"] == "to.equal" and one["path"].startswith(f"r{number}.") and (path := one["path"].split(".", 1)[1]) in FIELDS
    }
    authors = call["headerFrom"] if isinstance(call["headerFrom"], list) else [call["headerFrom"]]
    author, _ = author_of(message.read_message(f"From: {', '.join(authors)}\r\n\r\n".encode()))
    if len(authors) > 1:
        return "an author among several" if author else ""
    zone = Answers(
        {name: ["".join(strings) for strings in types["TXT"]] for name, types in call["zone"].items() if types and "TXT" in types}
    )
    domain = authors[0].rpartition("@")[2]
    if call["dnsError"]:
        zone.zone[f"_dmarc.{domain} txt"] = "SILENT"
    signers, senders = ([one if isinstance(one, str) else one["domain"] for one in call[method]] for method in ("dkim", "spf"))
    outcome = evaluated(domain, zone, signers, senders)
    got = {"result": str(outcome.result), "policy": outcome.policy}
    return "" if {key: got[key] for key in wanted} == wanted else f"{got} instead of {wanted} ({outcome.reason})"


def opendmarc_records(directory: Path) -> Iterator[Case]:
    """Records that OpenDMARC can use and cannot use."""
    for case in vectors(directory, "opendmarc.json")["parse"]:
        try:
            record = dmarc_record.parse_dmarc_record(case["record"].encode(), "example.com")
            usable = record is not None and not record.silent
        except dmarc_record.Broken:
            usable = False
        yield Case(case["record"], usable == (case["expect"] == "DMARC_PARSE_OKAY"), f"usable: {usable} instead of {case['expect']}")


def opendmarc_alignment(directory: Path) -> Iterator[Case]:
    """Pairs of domains in both modes."""
    for case in vectors(directory, "opendmarc.json")["alignment"]:
        author, other = case["a"].strip("."), case["b"].strip(".")
        strict = case["mode"].startswith("s")
        found = dmarc.Discovery(author, dmarc.organisational_domain(author), dmarc_record.Record(author, strict_spf=strict))
        proven = dmarc.Identifier("spf", other, Result.PASS, dmarc.organisational_domain(other))
        yield Case(f"{author}, {other}, {case['mode']}", dmarc.is_aligned(found, proven) == case["aligned"], "the other way round")


FAULTY_TAG = "a faulty tag has its default or is ignored (RFC 9989, 4.7; RFC 7489, 6.3)"
HISTORIC = "is no tag of RFC 9989 any more, and unknown tags are ignored (4.7)"
SUITES = (
    Suite("DMARC, mail-auth", 12, mail_auth),
    Suite("DMARC, mailauth", 51, mailauth),
    Suite(
        "DMARC, OpenDMARC, records",
        19,
        opendmarc_records,
        {
            "v=DMARC1; p=n;": 'OpenDMARC reads p=n as "none"; RFC 9989, 4.7, knows no short forms',
            "v=DMARC1; p=none; adkim=bob;": FAULTY_TAG,
            "v=DMARC1; p=none; aspf=bob;": FAULTY_TAG,
            "v=DMARC1; p=none; rf=bob;": f"rf= {HISTORIC}",
            "v=DMARC1; p=none; rf=000000000000000000000000000000000": f"rf= {HISTORIC}",
            "v=DMARC1; p=none; ri=bob;": f"ri= {HISTORIC}",
            "v=DMARC1; p=none; pct=500;": f"pct= {HISTORIC}",
        },
    ),
    Suite("DMARC, OpenDMARC, alignment", 10, opendmarc_alignment),
)
