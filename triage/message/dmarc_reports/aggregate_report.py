"""DMARC aggregate report, kept small: how many messages each service sent as a domain of ours, and how they were proven."""

import ipaddress
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, get_args

from triage.message.mime.links import is_related_host, registered_organisation

Proof = Literal["dkim", "spf", "forwarded", "elsewhere", "none"]
"""dkim, spf: DMARC passes by it, dkim first; forwarded: the receiver says that a forwarder or list passed it on; elsewhere: proven for
another domain only."""
Standing = Literal["", "counted", "again", "many", "untimely", "foreign"]
"""What becomes of a report: it is counted, or why not; "" for what is no proven report."""
FORWARDING = frozenset({"forwarded", "trusted_forwarder", "mailing_list"})  # reasons of receivers (RFC 7489, appendix C)
SERVICES = 100  # of one report; what is sent by further ones counts together under the name ""
WORD_LIMIT = 255  # characters of a domain or an id
MOST = 1 << 40  # messages of one service
PREFIX = {4: 24, 6: 48}  # bits of an address by which servers are one service that no domain names


@dataclass(frozen=True, slots=True)
class Record:
    """Record of a DMARC aggregate report."""

    address: str  # of the client
    count: int
    author_domain: str  # header_from
    dkim: bool  # aligned and passed
    spf: bool
    reasons: frozenset[str] = frozenset()  # why the receiver did something else than the policy asks
    passed: tuple[str, ...] = ()  # domains that DKIM or SPF prove, DKIM's first


@dataclass(frozen=True, slots=True)
class Service:
    """Messages of one service as one domain of ours."""

    domain: str
    name: str  # a domain, or a network where nothing names one; "" for the rest of a long report
    proof: Proof
    messages: int


@dataclass(frozen=True, slots=True)
class AggregateReport:
    """A report of one receiver about one domain and one period."""

    report_id: str
    domain: str  # that published the policy
    begin: int  # seconds since the epoch
    end: int
    services: tuple[Service, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values; `from_json` reads them back."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The value that `as_json` wrote. ValueError where a reader that was taken over wrote anything else."""
        try:
            services = tuple(read_service(one) for one in values["services"][: SERVICES + 1])
            found = cls(str(values["report_id"]), str(values["domain"]), int(values["begin"]), int(values["end"]), services)
        except (KeyError, TypeError, AttributeError) as fault:
            raise ValueError("no report") from fault
        if max(len(found.report_id), len(found.domain)) > WORD_LIMIT or not 0 <= found.begin <= found.end < 1 << 33:
            raise ValueError("no report")
        return found


def read_service(values: dict[str, Any]) -> Service:
    """A service as `as_json` wrote it; ValueError for anything else."""
    found = Service(str(values["domain"]), str(values["name"]), values["proof"], int(values["messages"]))
    if max(len(found.domain), len(found.name)) > WORD_LIMIT or found.proof not in get_args(Proof) or not 0 <= found.messages <= MOST:
        raise ValueError("no service")
    return found


def group_services(records: Iterable[Record]) -> tuple[Service, ...]:
    """The services of these records, the busiest first; those behind the first SERVICES as one."""
    counted: Counter[tuple[str, str, Proof]] = Counter()
    for record in records:
        counted[record.author_domain, name_service(record), judge_proof(record)] += record.count
    found = [Service(*key, min(messages, MOST)) for key, messages in counted.most_common()]
    rest = sum(one.messages for one in found[SERVICES:])
    return (*found[:SERVICES], *([Service(found[0].domain, "", "none", min(rest, MOST))] if rest else ()))


def judge_proof(record: Record) -> Proof:
    """Returns how a record's messages were proven: "dkim", "spf", "forwarded", "elsewhere" or "none"."""
    if record.dkim or record.spf:
        return "dkim" if record.dkim else "spf"
    if record.reasons & FORWARDING:
        return "forwarded"
    return "elsewhere" if record.passed else "none"


def name_service(record: Record) -> str:
    """The organisation that signs or sends beside the author's domain; else the network of the client."""
    others = (one for one in record.passed if not is_related_host(one, record.author_domain))
    return next((registered_organisation(one) for one in others), "") or name_network(record.address)


def name_network(address: str) -> str:
    """The network of an address, which must be one."""
    ip = ipaddress.ip_address(address)
    return str(ipaddress.ip_network((ip, PREFIX[ip.version]), strict=False))


def about_domains(report: AggregateReport, own_domains: Collection[str]) -> Iterator[Service]:
    """Yields the services of a report that send as these domains or below them. Others are nobody's business here."""
    for one in report.services:
        if any(one.domain == own or one.domain.endswith(f".{own}") for own in own_domains):
            yield one
