"""Doctor checks of our DNS records: SPF, DMARC, and this machine's name."""

import ipaddress
import time
from collections.abc import Iterator

from mail_auth.dns.query_budget import Record, Resolver, Temporary
from mail_auth.dns.resolver_factory import open_resolver
from triage.config.settings import Settings
from triage.errors import BadInput
from triage_cli.doctor.finding import OK, WARN, Finding
from triage_cli.doctor.network_checks import PATIENCE

WHAT = "our name"


def check_published(settings: Settings) -> Iterator[Finding]:
    """Are SPF, DMARC, the ARC key, this machine's address and its PTR record right?"""
    try:
        resolver = open_resolver(settings.dns)
        for domain in settings.company.domains:
            yield from check_spf(txt_records(resolver, domain), domain)
            yield from check_dmarc(txt_records(resolver, f"_dmarc.{domain}"), domain)
        yield from check_seal(resolver, settings)
        yield from this_machine(resolver, settings.company.hostname)
    except (BadInput, Temporary):
        return


def ask_dns(resolver: Resolver, name: str, kind: str) -> tuple[Record, ...]:
    """Queries DNS for one type of record; Temporary when DNS does not answer."""
    return resolver.query(name, kind, time.monotonic() + PATIENCE)


def txt_records(resolver: Resolver, name: str) -> list[str]:
    """The TXT records of a name."""
    return [one.decode("ascii", "replace") for one in ask_dns(resolver, name, "TXT") if isinstance(one, bytes)]


def check_spf(records: list[str], domain: str) -> Iterator[Finding]:
    """RFC 7208: exactly one record, which ends with a no."""
    found = [one for one in records if one.lower().split(" ")[0] == "v=spf1"]
    do = f'publish one TXT record at {domain}, such as "v=spf1 mx -all": receivers check messages in your name by it'
    if not found:
        yield Finding(WARN, WHAT, f"{domain} has no SPF record", do)
    elif len(found) > 1:
        yield Finding(WARN, WHAT, f"{domain} has {len(found)} SPF records, so receivers ignore them all (RFC 7208, 4.5)", do)
    elif found[0].split()[-1].lower() in ("+all", "all", "?all"):
        yield Finding(WARN, WHAT, f"the SPF record of {domain} lets anyone send in your name", do)
    else:
        yield Finding(OK, WHAT, f"SPF of {domain}: {found[0]}")


def check_dmarc(records: list[str], domain: str) -> Iterator[Finding]:
    """RFC 9989: without a policy others let mail that pretends to come from us pass; we hold it whatever is published."""
    found = [one for one in records if one.replace(" ", "").lower().startswith("v=dmarc1")]
    do = f'publish a TXT record at _dmarc.{domain}, such as "v=DMARC1; p=quarantine; rua=mailto:postmaster@{domain}"'
    if len(found) != 1:
        yield Finding(WARN, WHAT, f"{domain} has {'no DMARC record' if not found else 'several DMARC records'}", do)
    elif "p=none" in found[0].replace(" ", "").lower():
        yield Finding(WARN, WHAT, f"DMARC of {domain} does not ask receivers to refuse forgeries (p=none)", do)
    else:
        yield Finding(OK, WHAT, f"DMARC of {domain}: {found[0]}")


def check_seal(resolver: Resolver, settings: Settings) -> Iterator[Finding]:
    """Checks that the key of our ARC seal is published where the inner server looks for it."""
    relay = settings.relay
    if not relay.arc_domain:
        return
    name = f"{relay.arc_selector}._domainkey.{relay.arc_domain}"
    if any("p=" in one for one in txt_records(resolver, name)):
        yield Finding(OK, WHAT, f"the key of our seal is published at {name}")
    else:
        yield Finding(
            WARN,
            WHAT,
            f"there is no key at {name}: receivers cannot check our seal",
            "publish it there (docs/how-to/bounces-and-notices.md)",
        )


def this_machine(resolver: Resolver, hostname: str) -> Iterator[Finding]:
    """RFC 1912, 2.1: the name has addresses, and each of these leads back to it. Others distrust mail from a machine without."""
    addresses = [str(one) for kind in ("A", "AAAA") for one in ask_dns(resolver, hostname, kind)]
    if not addresses:
        yield Finding(WARN, WHAT, f"{hostname} has no address in DNS", "publish A and AAAA records for company.hostname")
    for address in addresses:
        names = {str(one).lower().rstrip(".") for one in ask_dns(resolver, ipaddress.ip_address(address).reverse_pointer, "PTR")}
        if hostname.lower() in names:
            yield Finding(OK, WHAT, f"{hostname} is {address}, and {address} is {hostname}")
        else:
            words = f"the PTR record of {address} is not {hostname} but {', '.join(sorted(names)) or 'nothing'}"
            yield Finding(WARN, WHAT, words, "ask the provider of the address to set its PTR record")
