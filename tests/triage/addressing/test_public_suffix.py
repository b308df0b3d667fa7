"""Below which domains different people are."""

import pytest

from triage.addressing.public_suffix import is_shared, tenant_of


@pytest.mark.parametrize(
    ("domain", "shared", "registry"),
    [("co.uk", True, True), ("github.io", True, False), ("onmicrosoft.com", True, False), ("example.com", False, False)],
)
def test_where_anybody_can_be(domain: str, shared: bool, registry: bool) -> None:
    assert (is_shared(domain), is_shared(domain, registries_only=True)) == (shared, registry)


@pytest.mark.parametrize(
    ("domain", "tenant"),
    [
        ("one.onmicrosoft.com", "one.onmicrosoft.com"),
        ("a.b.one.onmicrosoft.com", "one.onmicrosoft.com"),
        ("one.mail.onmicrosoft.com", "one.mail.onmicrosoft.com"),
        ("onmicrosoft.com", ""),
        ("evilonmicrosoft.com", ""),
        ("one.evilonmicrosoft.com", ""),
        ("example.com", ""),
    ],
)
def test_whose_name_it_is(domain: str, tenant: str) -> None:
    assert tenant_of(domain) == tenant
