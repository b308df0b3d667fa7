"""The conformance suites that others wrote, each with the differences that we want and why."""

import base64
import hashlib
import ipaddress
import json
import re
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from mail_auth import arc, canonical, dkim, dmarc, message, spf
from mail_auth.authenticate import author_of
from mail_auth.resolver import Questions, Record, Temporary
from mail_auth.tags import forms_of, tags_of
from tests.mail_auth.answers import SILENT, Answers, Function
from triage.authentication import Dmarc, Result
from triage.envelope import Envelope

pytestmark = pytest.mark.corpus
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def suites(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The suites, unpacked."""
    directory = tmp_path_factory.mktemp("suites")
    with tarfile.open(corpus / "auth-suites.tar.gz") as archive:
        archive.extractall(directory, filter="data")
    return directory / "auth-suites"


def documents(path: Path) -> Iterator[dict[str, Any]]:
    """The YAML documents of a suite."""
    return (document for document in yaml.safe_load_all(path.read_bytes()) if document)


def envelope(client: str, reverse_path: str, helo: str) -> Envelope:
    """What SPF looks at."""
    return Envelope(1, NOW, reverse_path, ("ana@company.example",), client, helo)


# --- SPF: the openspf suites -------------------------------------------------------------------------------------------

SPF_DIFFERENCES = {
    ("pyspf-extra-tests.yml", "default-modifier"): "asks for pyspf's lax mode; default= is no modifier of RFC 7208",
    ("pyspf-extra-tests.yml", "default-modifier-harsh"): "asks for pyspf's own result word of its harsh mode",
}


def spf_zone(zonedata: dict[str, list[Any]]) -> Function:
    """openspf zone data: SPF records answer TXT unless TXT is given, TIMEOUT and NONE are outcomes."""
    zone = {name.rstrip(".").lower(): records for name, records in zonedata.items()}

    def records_of(name: str, rdtype: str, depth: int = 0) -> tuple[Record, ...]:
        entries = zone.get(name.lower())
        if entries is None:
            if name.lower().startswith("error."):
                raise Temporary(name)
            return ()
        pairs = [next(iter(entry.items())) for entry in entries if isinstance(entry, dict)]
        wanted = {rdtype} if rdtype != "TXT" or any(kind == "TXT" for kind, _ in pairs) else {"TXT", "SPF"}
        found = [value for kind, value in pairs if kind in wanted and value not in ("NONE", ["NONE"])]
        if "TIMEOUT" in found or ("TIMEOUT" in entries and not found):
            raise Temporary(name)
        alias = next((value for kind, value in pairs if kind == "CNAME"), None)
        if not found and alias and depth < 8:
            return records_of(alias.rstrip("."), rdtype, depth + 1)
        return tuple(presented(rdtype, value) for value in found)

    return Function(records_of)


def presented(rdtype: str, value: Any) -> Record:
    """A record of the suite as our resolvers hand it out."""
    if rdtype == "TXT":
        return "".join([value] if isinstance(value, str) else value).encode()
    if rdtype == "MX":
        return f"{value[0]} {value[1]}"
    return str(value)


@pytest.mark.parametrize("file", ["rfc7208-tests.yml", "rfc4408-tests.yml", "pyspf-extra-tests.yml"])
def test_openspf(suites: Path, file: str) -> None:
    wrong, count = [], 0
    for scenario in documents(suites / "spf" / file):
        zone = spf_zone(scenario["zonedata"])
        for name, test in scenario["tests"].items():
            count += 1
            wanted = test["result"] if isinstance(test["result"], list) else [test["result"]]
            questions = Questions(zone, 200)  # our own limit has a test of its own
            result = spf.check(envelope(str(test["host"]), test["mailfrom"], test["helo"]), questions).result
            if (result not in wanted) != ((file, name) in SPF_DIFFERENCES):
                wrong.append((name, wanted, result))
    assert not wrong
    assert count > 10


MAIL_AUTH_SPF_DIFFERENCES = {
    ("all.yml", "All test", "10.0.0.1"): "'ip:' is no mechanism: RFC 7208 4.6 wants permerror",
    ("basic.yml", "DNS Lookup Limits", "172.168.0.1"): "three void lookups: RFC 7208 4.6.4 allows two",
    ("basic.yml", "DNS Lookup Limits", "10.0.0.8"): "eleven MX records: RFC 7208 4.6.4 allows ten",
    ("basic.yml", "DNS Lookup Limits", "10.0.0.11"): "three void lookups: RFC 7208 4.6.4 allows two",
    ("basic.yml", "HELO identity", "172.168.0.1"): "checks HELO beside a reverse-path; we check HELO for the null one only",
    ("exists.yml", "Exists", "167.1.2.3"): "exists: asks for A only (RFC 7208 5.7)",
    ("ip.yml", "IPv6 match", "10.1.2.3"): "an IPv4 client does not match ip6:",
    ("macro.yml", "Macro expansion 2", "2001:db8::cb01"): "exists: asks for A only (RFC 7208 5.7)",
}


@pytest.mark.parametrize(
    "file", [f"{one}.yml" for one in ("a", "all", "basic", "examples", "exists", "exp", "include", "ip", "macro", "mx", "ptr", "redirect")]
)
def test_mail_auth_spf(suites: Path, file: str) -> None:
    wrong, count = [], 0
    for section in (suites / "spf/mail-auth" / file).read_text("utf-8").split("---\n"):
        for answers, name, client, sender, helo, wanted in mail_auth_spf(section):
            count += 1
            result = spf.check(envelope(client, sender, helo), Questions(answers, 200)).result
            if result != wanted and (file, name, client) not in MAIL_AUTH_SPF_DIFFERENCES:
                wrong.append((name, client, sender, wanted, result))
    assert not wrong
    assert count > 2


def mail_auth_spf(section: str) -> Iterator[tuple[Answers, str, str, str, str, str]]:
    """One section of mail-auth's line format: zone, name, client, sender, helo and result as they stand at each expectation."""
    answers = Answers({"_dns_error.org": SILENT, "_dns_error.test.org": SILENT})
    zone = answers.zone
    name = helo = sender = ""
    client = "127.0.0.1"
    for line in section.splitlines():
        key, _, value = (part.strip() for part in line.strip().removeprefix("-").partition(":"))
        owner, _, data = value.partition(" ")
        values: list[Record] = [one.strip() for one in data.split(",")]
        if key == "name":
            name = value
        elif key in ("spf", "exp"):
            zone[f"{owner.rstrip('.')} txt".lower()] = data
        elif key in ("a", "aaaa"):
            zone[f"{owner} {key}".lower()] = values
        elif key == "ptr":
            zone[f"{ipaddress.ip_address(owner).reverse_pointer} ptr".lower()] = values
        elif key == "mx":
            zone[f"{owner} mx".lower()] = [f"{number} mx{number}.{owner}" for number, _ in enumerate(values)]
            for number, address in enumerate(values):
                zone[f"mx{number}.{owner} {'aaaa' if ':' in str(address) else 'a'}".lower()] = [address]
        elif key == "domain":
            helo = value
        elif key == "sender":
            sender = value
        elif key == "ip":
            client = value
        elif key == "expect":
            yield answers, name, client, sender, helo, value.partition(" ")[0]


# --- DKIM --------------------------------------------------------------------------------------------------------------

MAIL_DKIM_DIFFERENCES = {  # our reason: why a signature that Mail::DKIM lets pass is none
    "v= is missing": "drafts before RFC 4871",
    "rsa-sha1 proves nothing any more (RFC 8301)": "rsa-sha1",
    "the tag list is malformed": "multiple_2.txt has one such beside its rsa-sha1 signatures",
}


def test_mail_dkim(suites: Path) -> None:
    directory = suites / "dkim/mail-dkim"
    zone = {}
    for line in (directory / "FAKE_DNS.dat").read_text("latin-1").splitlines():
        if line.strip() and line.lstrip()[0] not in "#;":
            name, value = re.split(r"\s+", line, maxsplit=1)
            zone[name] = "SILENT" if value.startswith("~~") else "" if value == "NXDOMAIN" else value
    wrong, count = [], 0
    for line in (directory / "expected.tsv").read_text().splitlines():
        file, wanted, *_ = line.split("\t")
        raw = b"" if line.startswith("#") else (directory / "corpus" / file).read_bytes()
        if not raw or not re.search(rb"(?im)^dkim-signature:", raw.split(b"\r\n\r\n")[0]):
            continue  # the comment; messages with DomainKeys (RFC 4870) only
        count += 1
        results = dkim.verify(message.read(raw), Questions(Answers(zone)), NOW)
        passed = any(one.result is Result.PASS for one in results)
        explained = wanted == "pass" and all(one.reason in MAIL_DKIM_DIFFERENCES for one in results)
        if passed != (wanted == "pass") and not explained:
            wrong.append((file, wanted, [(str(one.result), one.domain, one.algorithm, one.reason) for one in results]))
    assert not wrong
    assert count > 50


def test_body_hashes_of_mail_dkim(suites: Path) -> None:
    count = 0
    for line in (suites / "dkim/mail-dkim/expected.tsv").read_text().splitlines():
        file, wanted, *_ = line.split("\t")
        if wanted != "pass":
            continue
        mail = message.read((suites / "dkim/mail-dkim/corpus" / file).read_bytes())
        for field in mail.named(b"dkim-signature")[:1]:
            tags = tags_of(field)
            if b"bh" not in tags or not set(tags.get(b"c", b"simple").split(b"/")) <= {b"simple", b"relaxed"}:
                continue  # drafts before RFC 4871, with other canonical forms
            body = canonical.body_of(mail, forms_of(tags, b"simple/simple")[1])
            body = body[: int(tags[b"l"])] if b"l" in tags else body
            count += 1
            assert hashlib.new(tags[b"a"].decode().partition("-")[2], body).digest() == base64.b64decode(tags[b"bh"]), file
    assert count > 15


@pytest.mark.parametrize("file", ["dkim/001.txt", "dkim/002.txt", "dkim/003.txt", "arc/001.txt"])
def test_mail_auth_dkim(suites: Path, file: str) -> None:
    lines, raw = (suites / "dkim/mail-auth" / file).read_bytes().replace(b"\r\n", b"\n").split(b"\n\n", 1)
    zone = Answers({name.rstrip("."): text for name, text in (line.decode().split(" ", 1) for line in lines.splitlines())})
    mail = message.read(raw.replace(b"\n", b"\r\n"))
    clock = datetime.fromtimestamp(1667843664, UTC) if file.startswith("dkim") else NOW  # mail-auth's tests stop theirs
    results = [one.result for one in dkim.verify(mail, Questions(zone), clock)]
    if file.startswith("dkim"):
        assert results[-1] is Result.PASS
    else:
        assert Result.PASS in results
        assert arc.verify(mail, Questions(zone), NOW).result is Result.PASS


# --- ARC ---------------------------------------------------------------------------------------------------------------


def test_arc_chain_validation(suites: Path) -> None:
    wrong, count = [], 0
    for scenario in documents(suites / "arc/arc-draft-validation-tests.yml"):
        zone = {name.rstrip("."): value for name, value in (scenario["txt-records"] or {}).items() if value}
        for name, test in scenario["tests"].items():
            count += 1
            raw = (test["message"] or "").encode().replace(b"\n", b"\r\n")
            # the suite's empty cv= is a chain whose last seal says "fail"
            wanted = {"pass": "pass", "none": "none"}.get(str(test["cv"]).strip().lower(), "fail")
            found = arc.verify(message.read(raw), Questions(Answers(zone)), NOW)
            if found.result != wanted:
                wrong.append((name, test["description"], wanted, str(found.result), found.reason))
    assert not wrong
    assert count > 150


# --- DMARC -------------------------------------------------------------------------------------------------------------


def evaluated(author: str, zone: Answers, signers: list[str], senders: list[str]) -> tuple[Dmarc, dict[str, str]]:
    """DMARC for an author's domain, and the outcome of each method on its own."""
    questions = Questions(zone)
    found = dmarc.discover(author, questions)
    proven = [
        dmarc.identifier(method, domain, Result.PASS, found, questions)
        for method, domains in (("spf", senders), ("dkim", signers))
        for domain in domains
    ]
    outcome = dmarc.evaluate(found, proven)
    return outcome, {method: "pass" if method in outcome.aligned else "fail" for method in ("spf", "dkim")}


def test_mail_auth_dmarc(suites: Path) -> None:
    vectors = json.loads((suites / "dmarc/mail-auth-dmarc.json").read_text())
    for vector in vectors:
        zone = Answers(vector["dns"] | {f"{name} A": "192.0.2.1" for name in vector.get("exists", [])})
        outcome, methods = evaluated(vector["from"].partition("@")[2], zone, vector["dkim"], vector["spf"])
        got = methods | {"policy": outcome.policy, "result": outcome.result}
        assert {key: got[key] for key in vector["expect"]} == vector["expect"], vector["name"]
    assert len(vectors) == 12


MAILAUTH_FIELDS = {"status.result": "result", "policy": "policy", "p": "policy"}


def test_mailauth_dmarc(suites: Path) -> None:
    wrong, count = [], 0
    for vector in json.loads((suites / "dmarc/mailauth-dmarc.json").read_text()):
        for number, call in enumerate(vector["calls"]):
            wanted = {
                MAILAUTH_FIELDS[path]: one["value"]
                for one in vector["expect"]
                if one["op"] == "to.equal"
                and one["path"].startswith(f"r{number}.")
                and (path := one["path"].split(".", 1)[1]) in MAILAUTH_FIELDS
            }
            authors = call["headerFrom"] if isinstance(call["headerFrom"], list) else [call["headerFrom"]]
            author, _ = author_of(message.read(f"From: {', '.join(authors)}\r\n\r\n".encode()))
            if len(authors) > 1:
                assert author is None
                continue
            zone = Answers({name: ["".join(strings) for strings in types["TXT"]] for name, types in call["zone"].items() if "TXT" in types})
            domain = authors[0].rpartition("@")[2]
            if call["dnsError"]:
                zone.zone[f"_dmarc.{domain} txt"] = "SILENT"
            signers, senders = ([one if isinstance(one, str) else one["domain"] for one in call[method]] for method in ("dkim", "spf"))
            outcome, _ = evaluated(domain, zone, signers, senders)
            got = {"result": outcome.result, "policy": outcome.policy}
            count += len(wanted)
            if {key: got[key] for key in wanted} != wanted:
                wrong.append((vector["name"], wanted, got, outcome.reason))
    assert not wrong
    assert count > 40


OPENDMARC_DIFFERENCES = {
    "v=DMARC1; p=n;": "OpenDMARC reads p=n as none; RFC 9989 4.7 knows no short forms",
    "v=DMARC1; p=none; adkim=bob;": "RFC 7489 6.3: a faulty tag has its default",
    "v=DMARC1; p=none; aspf=bob;": "the same",
    "v=DMARC1; p=none; rf=bob;": "rf= is historic (RFC 9989 A.6), ignored",
    "v=DMARC1; p=none; rf=000000000000000000000000000000000": "the same",
    "v=DMARC1; p=none; ri=bob;": "ri= is historic, ignored",
    "v=DMARC1; p=none; pct=500;": "pct= is historic, ignored unless it is 0",
}


def test_opendmarc_records(suites: Path) -> None:
    for case in json.loads((suites / "dmarc/opendmarc.json").read_text())["parse"]:
        try:
            record = dmarc.parse(case["record"].encode(), "example.com")
            fine = record is not None and not record.silent
        except dmarc.Broken:
            fine = False
        assert (fine == (case["expect"] == "DMARC_PARSE_OKAY")) != (case["record"] in OPENDMARC_DIFFERENCES), case


def test_opendmarc_alignment(suites: Path) -> None:
    for case in json.loads((suites / "dmarc/opendmarc.json").read_text())["alignment"]:
        author, other = case["a"].strip("."), case["b"].strip(".")
        strict = case["mode"].startswith("s")
        found = dmarc.Discovery(author, dmarc.organisational_domain(author), dmarc.Record(author, strict_spf=strict))
        proven = dmarc.Identifier("spf", other, Result.PASS, dmarc.organisational_domain(other))
        assert dmarc.is_aligned(found, proven) == case["aligned"], case
