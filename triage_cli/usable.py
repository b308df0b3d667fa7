"""What the roles would refuse of the settings, said before any of them starts. Nothing is dialled, and no secret is read."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

from directory_sync.ldap_source import LdapSource
from mail_auth.resolvers import open_resolver
from mailboxes import sign_in
from mailboxes.mirror import accounts, with_server
from mta import outbound, sealer, submitters
from mta.edges import Edges
from mta.nexthop import open_nexthop
from mta.scanners import chosen
from mta.workers import check_number
from triage import db
from triage.errors import BadInput
from triage.networks import networks
from triage.routes import routes
from triage.settings import Settings, host_port
from triage_cli.console import check_sign_in


def faults(settings: Settings) -> Iterator[str]:
    """One sentence for each setting that cannot be used."""
    for check in CHECKS:
        try:
            check(settings)
        except BadInput as fault:
            yield str(fault)


def listening(settings: Settings) -> dict[str, str]:
    """What is listened on, by the setting that says so."""
    named = {"smtp.listen": settings.smtp.listen, "api.listen": settings.api.listen}
    if settings.smtp.lmtp_listen and "/" not in settings.smtp.lmtp_listen:
        named["smtp.lmtp_listen"] = settings.smtp.lmtp_listen
    if settings.takes_outbound:
        named["outbound.listen"] = settings.outbound.listen
    return named


def ports(settings: Settings) -> None:
    """Addresses to listen on, each for one door."""
    named = listening(settings)
    for setting, listen in named.items():
        host_port(listen, setting)
    for listen, times in Counter(named.values()).items():
        if times > 1:
            raise BadInput(f"{' and '.join(one for one in named if named[one] == listen)} are both {listen}: give each a port of its own")


def certificate(settings: Settings) -> None:
    """Two files, or none."""
    if bool(settings.smtp.tls_cert) != bool(settings.smtp.tls_key):
        raise BadInput("smtp.tls_cert and smtp.tls_key: set both, or neither")


def ways(settings: Settings) -> None:
    """Every next hop."""
    for way in routes(settings):
        open_nexthop(way.next_hop, timeout=1, hostname=settings.company.hostname)


def employees(settings: Settings) -> None:
    """Their mail, where anybody may hand it over."""
    for network in settings.outbound.networks:
        submitters.network_of(network)
    if settings.takes_outbound:
        outbound.checked(settings)


def directory(settings: Settings) -> None:
    """Who works where, as an LDAP server may be asked for it; its password is not looked at."""
    if settings.directory.source == "ldap":
        LdapSource(replace(settings.directory, bind_dn=""), settings.company)


def mailboxes(settings: Settings) -> None:
    """The way into them."""
    if settings.recall.imap:
        sign_in.check(settings.recall)
    if settings.mirror.departments:
        sign_in.check(with_server(settings).mirror)
        accounts(settings.mirror)


CHECKS: tuple[Callable[[Settings], object], ...] = (
    lambda settings: db.open_engine(settings.database.url).dispose(),
    ports,
    lambda settings: check_number(settings.smtp),
    lambda settings: Edges(settings.smtp.trusted_edges, settings.smtp.edge_protocol),
    certificate,
    ways,
    sealer.wanted,
    employees,
    directory,
    mailboxes,
    lambda settings: open_resolver(settings.dns),
    chosen,
    lambda settings: networks("api.metrics", settings.api.metrics),
    lambda settings: networks("api.proxies", settings.api.proxies),
    check_sign_in,
)
