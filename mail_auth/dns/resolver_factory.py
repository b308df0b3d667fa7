"""The resolver that the settings ask for."""

from mail_auth.dns.dns_client import NetworkResolver
from mail_auth.dns.query_budget import Resolver
from mail_auth.dns.zone_file import ZoneFileResolver
from triage.config.settings import Dns


def open_resolver(settings: Dns) -> Resolver:
    """The resolver that the settings ask for. BadInput says what is wrong with them."""
    if settings.zone_file:
        return ZoneFileResolver(settings.zone_file, settings.timeout)
    return NetworkResolver(settings.nameservers, settings.timeout)
