"""Doctor checks of TLS policy records: MTA-STS (RFC 8461), TLS-RPT (RFC 8460), DANE (RFC 7672)."""

import hashlib
import http.client
import re
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mail_auth.dns.query_budget import Resolver, Temporary
from mail_auth.dns.resolver_factory import open_resolver
from triage.config.settings import Settings
from triage.errors import BadInput
from triage_cli.doctor.dns_records import ask_dns, txt_records
from triage_cli.doctor.finding import FAIL, OK, WARN, Finding
from triage_cli.doctor.network_checks import PATIENCE

WHAT = "sender tls"
HTTPS = 443
POLICY_PATH = "/.well-known/mta-sts.txt"
MOST = 65_536  # bytes of a policy (RFC 8461, 3.3)
LONGEST = 31_557_600  # seconds of max_age (RFC 8461, 3.2)
DANE_TA, DANE_EE = "2", "3"  # the usages that SMTP knows (RFC 7672, 3.1)
MAILTO = re.compile(r"rua=(mailto:[^@\s]+@\S+|https://\S+)", re.IGNORECASE)


def check_tls_records(settings: Settings) -> Iterator[Finding]:
    """Do MTA-STS, TLS-RPT and DANE fit this server, where they are published? Else senders that check deliver nothing."""
    try:
        resolver = open_resolver(settings.dns)
        for domain in settings.company.domains:
            yield from check_mta_sts(resolver, domain)
            yield from check_tls_rpt(txt_records(resolver, f"_smtp._tls.{domain}"), domain)
        yield from check_dane(resolver, settings)
    except (BadInput, Temporary):  # DNS that is down is told elsewhere
        return


def check_mta_sts(resolver: Resolver, domain: str) -> Iterator[Finding]:
    """RFC 8461: one record with an id, and a policy that names every host of the MX record."""
    found = [one for one in txt_records(resolver, f"_mta-sts.{domain}") if one.split(";")[0].strip() == "v=STSv1"]
    if not found:
        yield Finding(OK, WHAT, f"{domain} publishes no MTA-STS policy, which is optional")
        return
    if len(found) > 1 or not re.search(r";\s*id=\w+", found[0]):
        words = f"{domain} has {len(found)} MTA-STS records" if len(found) > 1 else f"the MTA-STS record of {domain} has no id"
        yield Finding(WARN, WHAT, f"{words}: senders ignore it", f'publish one TXT record at _mta-sts.{domain}, such as "v=STSv1; id=1"')
        return
    try:
        policy = parse_policy(fetch_policy(resolver, f"mta-sts.{domain}"))
    except (OSError, http.client.HTTPException, ValueError) as fault:
        do = f"serve it at https://mta-sts.{domain}{POLICY_PATH} as text/plain, with a good certificate and without a redirect"
        yield Finding(WARN, WHAT, f"the MTA-STS policy of {domain} cannot be used: {fault}", do)
        return
    hosts = [host for one in ask_dns(resolver, domain, "MX") if (host := str(one).split()[-1].lower().rstrip("."))]
    yield judge_policy(policy, hosts, domain)


def fetch_policy(resolver: Resolver, host: str) -> str:
    """The text of the policy. OSError, HTTPException or ValueError where a sender could not read it either."""
    address = next((str(one) for kind in ("A", "AAAA") for one in ask_dns(resolver, host, kind)), "")
    if not address:
        raise ValueError(f"{host} has no address in DNS")
    context = ssl.create_default_context()
    connection = http.client.HTTPSConnection(host, HTTPS, timeout=PATIENCE, context=context)
    with socket.create_connection((address, HTTPS), PATIENCE) as dialled, context.wrap_socket(dialled, server_hostname=host) as secured:
        connection.sock = secured
        connection.request("GET", POLICY_PATH)
        answer = connection.getresponse()
        text = answer.read(MOST).decode("utf-8", "replace")
    if answer.status != http.HTTPStatus.OK:
        raise ValueError(f"the answer is {answer.status}")
    return text


def parse_policy(text: str) -> Mapping[str, list[str]]:
    """The values of a policy by key. ValueError says what RFC 8461, 3.2 misses."""
    found: dict[str, list[str]] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, _, value = line.partition(":")
        found.setdefault(name.strip(), []).append(value.strip())
    mode, age = found.get("mode", [""])[0], found.get("max_age", [""])[0]
    if found.get("version") != ["STSv1"]:
        raise ValueError("it does not say version: STSv1")
    if mode not in ("enforce", "testing", "none"):
        raise ValueError("its mode is neither enforce nor testing nor none")
    if not (age.isascii() and age.isdigit() and int(age) <= LONGEST):
        raise ValueError(f"its max_age is no number of seconds up to {LONGEST}")
    if mode != "none" and not found.get("mx"):
        raise ValueError("it names no mx")
    return found


def judge_policy(policy: Mapping[str, list[str]], hosts: Sequence[str], domain: str) -> Finding:
    """Checks that an MTA-STS policy names each host of the MX record."""
    mode, names = policy["mode"][0], [one.lower() for one in policy.get("mx", [])]
    missing = [host for host in hosts if not {host, f"*.{host.partition('.')[2]}"} & set(names)]
    if mode == "none" or not missing:
        return Finding(OK, WHAT, f"MTA-STS of {domain}: {mode}, for {', '.join(names) or 'no host'}")
    words = f"the MTA-STS policy of {domain} (mode {mode}) does not name {', '.join(missing)}, where the MX record leads"
    do = f"add it to the policy as mx, then change the id of _mta-sts.{domain}: with enforce senders that check deliver nothing there"
    return Finding(FAIL if mode == "enforce" else WARN, WHAT, words, do)


def check_tls_rpt(records: list[str], domain: str) -> Iterator[Finding]:
    """RFC 8460: one record, which says where reports of failed encryption go."""
    found = [one for one in records if one.split(";")[0].strip() == "v=TLSRPTv1"]
    if not found:
        yield Finding(OK, WHAT, f"{domain} asks for no TLS reports, which is optional")
    elif len(found) == 1 and MAILTO.search(found[0]):
        yield Finding(OK, WHAT, f"TLS reports of {domain}: {found[0]}")
    else:
        words = f"{domain} has {len(found)} TLS-RPT records" if len(found) > 1 else f"the TLS-RPT record of {domain} names no address"
        do = f'publish one TXT record at _smtp._tls.{domain}, such as "v=TLSRPTv1; rua=mailto:postmaster@{domain}"'
        yield Finding(WARN, WHAT, f"{words}: senders report nothing", do)


def check_dane(resolver: Resolver, settings: Settings) -> Iterator[Finding]:
    """RFC 7672: a TLSA record of our name fits the certificate that we show."""
    name = f"_25._tcp.{settings.company.hostname}"
    found = [str(one).lower().split() for one in ask_dns(resolver, name, "TLSA")]
    usable = [one for one in found if one[0] in (DANE_TA, DANE_EE)]
    if not found:
        yield Finding(OK, WHAT, f"there is no TLSA record at {name}, which is optional and needs DNSSEC")
        return
    chain = read_chain(settings.smtp.tls_cert)
    should = f"3 1 1 {digest_of(chain[0], '1', '1')}" if chain else ""
    do = f'publish "{should}" at {name}, or no TLSA record' if chain else "set smtp.tls_cert, or publish no TLSA record"
    if not usable:
        yield Finding(WARN, WHAT, f"no TLSA record at {name} has usage 2 or 3: senders ignore it", do)
    elif any(fits_chain(one, chain) for one in usable):
        yield Finding(OK, WHAT, f"the TLSA record at {name} fits the certificate; keep its key when you renew it")
    else:
        words = f"no TLSA record at {name} fits {settings.smtp.tls_cert or 'this server, which has no certificate'}"
        yield Finding(FAIL, WHAT, f"{words}: senders that check DANE deliver nothing here", do)


def read_chain(file: str) -> list[x509.Certificate]:
    """The certificates of a PEM file, its own first; none where it cannot be read, which the check of the certificate tells."""
    try:
        return x509.load_pem_x509_certificates(Path(file).read_bytes()) if file else []
    except (OSError, ValueError):
        return []


def fits_chain(record: Sequence[str], chain: Sequence[x509.Certificate]) -> bool:
    """Whether a TLSA record (RFC 6698) fits the server's own certificate, or with usage 2 any of the chain."""
    if len(record) < 4:
        return False
    usage, selector, matching, *digest = record
    return any(digest_of(one, selector, matching) == "".join(digest) for one in (chain if usage == DANE_TA else chain[:1]))


def digest_of(certificate: x509.Certificate, selector: str, matching: str) -> str:
    """Returns what a TLSA record would hold of a certificate, in hexadecimal."""
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    chosen = key if selector == "1" else certificate.public_bytes(Encoding.DER)
    return {"1": hashlib.sha256, "2": hashlib.sha512}[matching](chosen).hexdigest() if matching in ("1", "2") else chosen.hex()
