"""The DNS records of the company's domains: those that are there, and those to set (SPF, DMARC, MTA-STS, TLS-RPT, DANE)."""

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mail_auth.dns.query_budget import Resolver, Temporary
from mail_auth.dns.resolver_factory import open_resolver
from triage.config.settings import Dns
from triage_cli.quickstart.mail_server import MailServer

PATIENCE = 5.0  # seconds for an answer


def advise_records(server: MailServer) -> Iterator[str]:
    """Yields the DNS records found and to set. Nothing has to change for a Mailroom beside the mail server; these protect your name."""
    resolver = open_resolver(Dns(zone_file=os.environ.get("MAILROOM_DNS__ZONE_FILE", "")))
    for domain in server.domains:
        try:
            yield from advise_domain(resolver, domain, server)
        except Temporary as fault:
            yield f"DNS does not answer for {domain} ({fault}): no records are proposed"


def advise_domain(resolver: Resolver, domain: str, server: MailServer) -> Iterator[str]:
    """Advises on the DNS records of a domain."""
    hosts = [str(one).split()[-1].lower().rstrip(".") for one in query_records(resolver, domain, "MX")]
    yield f"DNS: messages for {domain} go to {', '.join(hosts) or 'nobody (no MX record)'}; this stays as it is"
    if not any(one.startswith("v=spf1") for one in read_txt_records(resolver, domain)):
        yield f'DNS, to set: {domain}. IN TXT "v=spf1 mx -all"'
    if not any(one.startswith("v=DMARC1") for one in read_txt_records(resolver, f"_dmarc.{domain}")):
        yield f'DNS, to set: _dmarc.{domain}. IN TXT "v=DMARC1; p=quarantine; rua=mailto:postmaster@{domain}"'
    if not read_txt_records(resolver, f"_mta-sts.{domain}"):
        yield f'DNS, later: _mta-sts.{domain}. IN TXT "v=STSv1; id=1", with the policy file at https://mta-sts.{domain}/.well-known/mta-sts.txt'
    if not read_txt_records(resolver, f"_smtp._tls.{domain}"):
        yield f'DNS, later: _smtp._tls.{domain}. IN TXT "v=TLSRPTv1; rua=mailto:postmaster@{domain}"'
    if digest := public_key_digest(server.certificate):
        yield f"DNS, with DNSSEC only: _25._tcp.{server.hostname}. IN TLSA 3 1 1 {digest}"


def query_records(resolver: Resolver, name: str, kind: str) -> tuple[object, ...]:
    """The records of a name."""
    return tuple(resolver.query(name, kind, time.monotonic() + PATIENCE))


def read_txt_records(resolver: Resolver, name: str) -> list[str]:
    """The TXT records of a name."""
    return [one.decode("ascii", "replace") for one in query_records(resolver, name, "TXT") if isinstance(one, bytes)]


def public_key_digest(file: str) -> str:
    """SHA-256 of the certificate's public key, "" where it cannot be read. A renewed certificate must keep the key."""
    try:
        leaf = x509.load_pem_x509_certificates(Path(file).read_bytes())[0]
    except (OSError, ValueError, IndexError):
        return ""
    key = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(key).hexdigest()
