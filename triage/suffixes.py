"""Domains below which anybody can register, after the Public Suffix List."""

from functools import cache

from publicsuffixlist import PublicSuffixList


@cache
def known(*, registries_only: bool) -> PublicSuffixList:
    """The list, read when it is asked for first."""
    return PublicSuffixList(only_icann=registries_only)


def is_shared(domain: str, *, registries_only: bool = False) -> bool:
    """Do different people own what is below this domain, as below co.uk (a registry) or github.io (a company's service)?"""
    return known(registries_only=registries_only).publicsuffix(domain) == domain
