"""A password is the directory's to judge: yes, no, or no answer; never yes by default."""

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from directory_sync.ldap.bind import Bind
from tests.directory_sync.entries import ldif, person
from tests.directory_sync.ldap.test_ldap_source import settings
from tests.peers.slapd import Slapd, start_slapd
from triage.errors import Unanswered

pytestmark = pytest.mark.peers


@pytest.fixture(scope="module")
def server() -> Iterator[Slapd]:
    people = [person("ana", userPassword="right"), person("bo", userPassword="right"), person("silent")]
    twins = [person("twin1", uid=["twin1", "twin"], userPassword="right"), person("twin2", uid=["twin2", "twin"], userPassword="right")]
    with start_slapd(ldif(*people, *twins)) as running:
        yield running


@pytest.mark.parametrize(
    ("login", "password", "proven"),
    [
        ("ana", "right", True),
        ("ANA", "right", True),
        ("ana", "wrong", False),
        ("ana", "", False),
        ("ana", "\0", False),
        ("ana", "right\0", False),
        ("nobody", "right", False),
        ("nobody", "", False),
        ("silent", "right", False),
        ("twin", "right", False),
        ("*", "right", False),
        ("a*", "right", False),
        ("ana)(uid=*", "right", False),
        ("", "right", False),
        ("bo\0", "right", False),
        ("cn=manager,dc=company,dc=example", "pw of the manager", False),
    ],
)
def test_only_the_right_password_of_one_person_proves(server: Slapd, login: str, password: str, proven: bool) -> None:
    assert Bind(settings(server))(login, password) is proven


def test_a_server_that_does_not_answer_says_neither_yes_nor_no(server: Slapd) -> None:
    for place in (replace(settings(server), url="ldap://localhost:1"), replace(settings(server), tls_ca="")):
        with pytest.raises(Unanswered, match="does not answer"):
            Bind(place)("ana", "right")


def test_a_server_that_takes_connections_and_says_nothing_is_given_up(server: Slapd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unanswered, match=r"does not answer: .*[Tt]imed out"):
        Bind(replace(settings(server), url=f"ldap://127.0.0.1:{silent.getsockname()[1]}", tls="none"))("ana", "right")
