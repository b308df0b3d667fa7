"""Domains below which anybody can register, after the Public Suffix List, and customers of mail that it does not know."""

from functools import cache

from publicsuffixlist import PublicSuffixList

TENANTS = ("mail.onmicrosoft.com", "onmicrosoft.com", "onmicrosoft.de", "onmicrosoft.us", "partner.onmschina.cn")
"""Below each of them every customer of Microsoft 365 has a name, by which mail is signed; what stands below another comes first."""


@cache
def read_suffixes(*, registries_only: bool) -> PublicSuffixList:
    """The list, read when it is asked for first."""
    return PublicSuffixList(only_icann=registries_only)


def is_shared(domain: str, *, registries_only: bool = False) -> bool:
    """Whether different people own what is below this domain, as below co.uk (a registry) or github.io (a company's service)."""
    return read_suffixes(registries_only=registries_only).publicsuffix(domain) == domain or (domain in TENANTS and not registries_only)


def has_known_ending(domain: str) -> bool:
    """Whether the domain ends in a known public suffix, so that it may exist."""
    return read_suffixes(registries_only=True).publicsuffix(domain, accept_unknown=False) is not None


def tenant_of(domain: str) -> str:
    """The customer's name that this domain is or lies below; "" when it lies below none of TENANTS."""
    for shared in TENANTS:
        above, dot, _ = domain.removesuffix(shared).rpartition(".")
        if dot and domain.endswith(f".{shared}"):
            return f"{above.rpartition('.')[2]}.{shared}"
    return ""
