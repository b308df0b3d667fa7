"""python-ldap where it differs from ldap3: values that Active Directory gives in parts are put together here."""

import pytest

from directory_sync.ldap.ldap_driver import NotDone

pytest.importorskip("ldap", reason="python-ldap is not installed: test_ldap_connection.py says how")

MEMBERS = [f"cn=p{number}".encode() for number in range(7)]


def fetch_two(name: str, start: int) -> dict[str, list[bytes]]:
    """As a server answers that gives two values at once."""
    end = "*" if start + 2 >= len(MEMBERS) else str(start + 1)
    return {f"{name};Range={start}-{end}": MEMBERS[start : start + 2]}


@pytest.mark.parametrize("name", ["member", "Member;x-last"])
def test_an_attribute_in_parts_is_whole(name: str) -> None:
    from directory_sync.ldap.openldap_driver import complete_ranges

    given = {"cn": [b"all"], f"{name};range=0-2": MEMBERS[:3]}
    assert complete_ranges(given, fetch_two) == {"cn": [b"all"], name: MEMBERS}


def test_a_rest_that_does_not_come_is_an_error() -> None:
    from directory_sync.ldap.openldap_driver import complete_ranges

    with pytest.raises(NotDone, match="member are not complete"):
        complete_ranges({"member;range=0-2": MEMBERS[:3]}, lambda name, start: {})
