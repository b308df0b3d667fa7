"""Answers from a zone file, for the demo and for tests."""

import functools
import threading
from pathlib import Path

import dns.exception
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tokenizer
import dns.zonefile

from mail_auth.dns.query_budget import Record, Temporary, absolute_name, parse_record
from triage.errors import BadInput

CNAMES = 8

Zone = dict[tuple[dns.name.Name | None, str], tuple[Record, ...]]


class ZoneFileResolver:
    """Answers from one master file with origin "." and absolute names; what it does not name does not exist. Read again when it changes."""

    def __init__(self, path: str | Path, timeout: float = 20.0) -> None:
        """BadInput names the file and the line when it cannot be read."""
        self.path = Path(path)
        self.timeout = timeout
        self.lock = threading.Lock()
        self.stamp, self.zone = read_zone(self.path)

    def query(self, name: str, rdtype: str, deadline: float) -> tuple[Record, ...]:
        """See Resolver. A file that was broken meanwhile is Temporary."""
        absolute = absolute_name(name)
        zone = self.current()
        for _ in range(CNAMES):
            records = zone.get((absolute, rdtype), ())
            alias = zone.get((absolute, "CNAME"), ())
            if records or not alias:
                return records
            absolute = absolute_name(str(alias[0]))
        raise Temporary(f"the CNAMEs of {name} do not end")

    def current(self) -> Zone:
        """The records of the file as it is now."""
        try:
            if file_stamp(self.path) != self.stamp:
                with self.lock:
                    stamp, self.zone = read_zone(self.path)
                    self.stamp = stamp  # last: whoever sees it must find the records that belong to it
        except BadInput as fault:
            raise Temporary(str(fault)) from fault
        return self.zone


def file_stamp(path: Path) -> tuple[int, int, int]:
    """Changes when the file does. BadInput when there is no such file."""
    try:
        status = path.stat()
    except OSError as fault:
        raise BadInput(f"{path} cannot be read: {fault.strerror}. Name a zone file in [dns] zone_file") from fault
    return status.st_mtime_ns, status.st_size, status.st_ino


def read_zone(path: Path) -> tuple[tuple[int, int, int], Zone]:
    """The file's stamp and records. BadInput names the file and the line."""
    stamp = file_stamp(path)
    return stamp, parse_zone(path, stamp)


@functools.lru_cache(4)
def parse_zone(path: Path, _stamp: tuple[int, int, int]) -> Zone:
    """The records of the file that has this stamp: `mailroom doctor` asks four resolvers. BadInput names the file and the line."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as fault:
        raise BadInput(f"{path} is not a zone file: it is not UTF-8") from fault
    except OSError as fault:
        raise BadInput(f"{path} cannot be read: {fault.strerror}") from fault
    manager = dns.zonefile.RRSetsReaderManager(dns.name.root, False, dns.rdataclass.IN)
    tokens = dns.tokenizer.Tokenizer(text, str(path))
    try:
        with manager.writer(True) as transaction:  # type: ignore[no-untyped-call]
            dns.zonefile.Reader(tokens, dns.rdataclass.IN, transaction, allow_include=False, allow_directives=True, default_ttl=300).read()
    except (dns.exception.DNSException, ValueError) as fault:
        line = text[: tokens.file.tell()].rstrip("\n").count("\n") + 1  # dnspython's number may be one more
        raise BadInput(f"{path}:{line}: not a zone file: {str(fault).rpartition(': ')[2]}") from fault
    return {key_of(rrset): tuple(parse_record(rdata) for rdata in rrset) for rrset in manager.rrsets}


def key_of(rrset: dns.rrset.RRset) -> tuple[dns.name.Name | None, str]:
    """Returns the name and type under which a record set is found."""
    return rrset.name.canonicalize(), dns.rdatatype.to_text(rrset.rdtype)
