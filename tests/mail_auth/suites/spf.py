"""SPF: the openspf suites and mail-auth's."""

import functools
import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from mail_auth import spf
from mail_auth.dns.query_budget import Questions, Record, Temporary
from tests.mail_auth.answers import SILENT, Answers, Function
from tests.mail_auth.suites.counting import Case, Suite
from triage.addressing.envelope import Envelope

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
QUESTIONS = 200  # our own limit has a test of its own


def envelope(client: str, reverse_path: str, helo: str) -> Envelope:
    """Envelope that SPF checks."""
    return Envelope(1, NOW, reverse_path, ("ana@company.example",), client, helo)


def openspf(directory: Path, *, file: str) -> Iterator[Case]:
    """Reads a file of openspf's format: YAML documents with a zone and tests."""
    for scenario in yaml.safe_load_all((directory / "spf" / file).read_bytes()):
        zone = openspf_zone(scenario["zonedata"]) if scenario else None
        for name, test in scenario["tests"].items() if scenario else ():
            wanted = test["result"] if isinstance(test["result"], list) else [test["result"]]
            assert zone
            found = spf.check_spf(envelope(str(test["host"]), test["mailfrom"], test["helo"]), Questions(zone, QUESTIONS))
            yield Case(name, found.result in wanted, f"{found.result} ({found.reason}) instead of {wanted}")


def openspf_zone(zonedata: dict[str, list[Any]]) -> Function:
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


def mail_auth(directory: Path) -> Iterator[Case]:
    """mail-auth's files. Its section "HELO identity" is about HELO beside a reverse-path."""
    for path in sorted((directory / "spf/mail-auth").glob("*.yml")):
        for section in path.read_text("utf-8").split("---\n"):
            for answers, name, seen, wanted in expectations(section):
                questions = Questions(answers, QUESTIONS)
                found = spf.check_helo(seen, questions)[0] if name == "HELO identity" else spf.check_spf(seen, questions)
                detail = f"{found.result} ({found.reason}) instead of {wanted}"
                yield Case(f"{path.stem}, {name}, {seen.client}", found.result == wanted, detail)


def expectations(section: str) -> Iterator[tuple[Answers, str, Envelope, str]]:
    """Reads a section of mail-auth's line format: zone, name, envelope and result as they stand at each expectation."""
    answers = Answers({"_dns_error.org": SILENT, "_dns_error.test.org": SILENT})
    zone = answers.zone
    said = {"name": "", "domain": "", "sender": "", "ip": "127.0.0.1"}
    for line in section.splitlines():
        key, _, value = (part.strip() for part in line.strip().removeprefix("-").partition(":"))
        owner, _, data = value.partition(" ")
        values: list[Record] = [one.strip() for one in data.split(",")]
        if key in said:
            said[key] = value
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
        elif key == "expect":
            yield answers, said["name"], envelope(said["ip"], said["sender"], said["domain"]), value.partition(" ")[0]


SUITES = (
    Suite("SPF, openspf RFC 7208", 203, functools.partial(openspf, file="rfc7208-tests.yml")),
    Suite("SPF, openspf RFC 4408", 191, functools.partial(openspf, file="rfc4408-tests.yml")),
    Suite(
        "SPF, pyspf's own",
        16,
        functools.partial(openspf, file="pyspf-extra-tests.yml"),
        {
            "default-modifier": "asks for pyspf's lax mode; default= is no modifier of RFC 7208 and so ignored (6)",
            "default-modifier-harsh": 'asks for "ambiguous", the word of pyspf\'s harsh mode; RFC 7208 has no such result (2.6)',
        },
    ),
    Suite(
        "SPF, mail-auth",
        163,
        mail_auth,
        {
            "all, All test, 10.0.0.1": 'wants fail for "-all ip:…"; "ip:" is no mechanism, an error anywhere is permerror (RFC 7208, 4.6)',
            "basic, DNS Lookup Limits, 172.168.0.1": "ten a: of names that do not exist: two void lookups are the limit (RFC 7208, 4.6.4)",
            "basic, DNS Lookup Limits, 10.0.0.8": "eleven MX records are permerror, also when the tenth would match (RFC 7208, 4.6.4)",
            "basic, DNS Lookup Limits, 10.0.0.11": "ten PTR names that do not exist: two void lookups are the limit (RFC 7208, 4.6.4)",
            "exists, Exists, 167.1.2.3": "exists: asks for A also when the name has only AAAA (RFC 7208, 5.7)",
            "ip, IPv6 match, 10.1.2.3": "ip6: matches no IPv4 client, also when written ::ffff:10.1.2.3 (RFC 7208, 5)",
            "macro, Macro expansion 2, 2001:db8::cb01": "exists: asks for A also when the client has an IPv6 address (RFC 7208, 5.7)",
        },
    ),
)
