"""Checks settings as the roles would at start. Connects to nothing and reads no secret."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from directory_sync.ldap.ldap_source import LdapSource
from directory_sync.source import FileSource
from mail_auth.dns.resolver_factory import open_resolver
from mailboxes.imap import imap_login
from mailboxes.mirror.mirror_role import mirror_accounts, with_server
from mta.delivery import arc_seal
from mta.delivery.next_hop import open_nexthop
from mta.outbound import outbound_processor
from mta.peer.trusted_edges import Edges
from mta.processing.rspamd_learning import choose_controller
from mta.processing.scanners import choose_scanners
from mta.server.supervisor import check_number
from mta.session import submitters
from triage.addressing.envelope import Address
from triage.addressing.networks import parse_networks
from triage.config.settings import Settings, host_port
from triage.delivery.routes import list_routes
from triage.errors import BadInput
from triage.store import db, read_replica
from triage_cli.services.api_role import check_sign_in


def find_faults(settings: Settings) -> Iterator[str]:
    """Finds the settings that cannot be used; a sentence for each."""
    for check in CHECKS:
        try:
            check(settings)
        except BadInput as fault:
            yield str(fault)


def list_listening(settings: Settings) -> dict[str, str]:
    """Returns the addresses to listen on, by the name of their setting."""
    named = {"smtp.listen": settings.smtp.listen, "api.listen": settings.api.listen}
    if settings.smtp.lmtp_listen and "/" not in settings.smtp.lmtp_listen:
        named["smtp.lmtp_listen"] = settings.smtp.lmtp_listen
    if settings.takes_outbound:
        named["outbound.listen"] = settings.outbound.listen
    return named


def check_ports(settings: Settings) -> None:
    """Addresses to listen on, each for one door."""
    named = list_listening(settings)
    for setting, listen in named.items():
        host_port(listen, setting)
    for listen, times in Counter(named.values()).items():
        if times > 1:
            raise BadInput(f"{' and '.join(one for one in named if named[one] == listen)} are both {listen}: give each a port of its own")


def check_certificate(settings: Settings) -> None:
    """Two files, or none."""
    if bool(settings.smtp.tls_cert) != bool(settings.smtp.tls_key):
        raise BadInput("smtp.tls_cert and smtp.tls_key: set both, or neither")


def check_next_hops(settings: Settings) -> None:
    """Checks that the next hops can be opened."""
    for way in list_routes(settings):
        open_nexthop(way.next_hop, timeout=1, hostname=settings.company.hostname)


def check_outbound(settings: Settings) -> None:
    """Checks the settings of outbound submission, where it is on."""
    for network in settings.outbound.networks:
        submitters.network_of(network)
    if settings.takes_outbound:
        outbound_processor.check_outbound_settings(settings)


def check_directory(settings: Settings) -> None:
    """Checks the directory settings: reads the file, if it is there; for LDAP checks how to ask the server, but for its password."""
    if settings.directory.source == "ldap":
        LdapSource(replace(settings.directory, bind_dn=""), settings.company)
    elif Path(settings.directory.file).exists():
        FileSource(settings).read()


def check_mailboxes(settings: Settings) -> None:
    """The way into them."""
    if settings.recall.imap:
        imap_login.check_login_settings(settings.recall)
    if settings.mirror.departments:
        imap_login.check_login_settings(with_server(settings).mirror)
        mirror_accounts(settings.mirror)


def check_abuse_address(settings: Settings) -> None:
    """Checks the address that abuse reports go to."""
    if settings.notices.abuse_reports_to:
        try:
            Address.parse(settings.notices.abuse_reports_to)
        except ValueError as fault:
            raise BadInput(f"notices.abuse_reports_to: “{settings.notices.abuse_reports_to}”: {fault}") from fault


CHECKS: tuple[Callable[[Settings], object], ...] = (
    lambda settings: db.open_engine(settings.database.url).dispose(),
    lambda settings: read_replica.check_read_url(settings.database),
    check_ports,
    lambda settings: check_number(settings.smtp),
    lambda settings: Edges(settings.smtp.trusted_edges, settings.smtp.edge_protocol),
    check_certificate,
    check_next_hops,
    arc_seal.is_sealing_configured,
    check_outbound,
    check_directory,
    check_mailboxes,
    lambda settings: open_resolver(settings.dns),
    choose_scanners,
    choose_controller,
    check_abuse_address,
    lambda settings: parse_networks("api.metrics", settings.api.metrics),
    lambda settings: parse_networks("api.proxies", settings.api.proxies),
    lambda settings: parse_networks("api.pin_networks", settings.api.pin_networks),
    check_sign_in,
)
