"""A real slapd is read whole or not at all: limits, certificates, referrals, silence and death end in an error that says what to do."""

import contextlib
import importlib.util
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from directory_sync.ldap import ldap_connection
from directory_sync.ldap.ldap3_driver import Ldap3Driver
from directory_sync.ldap.ldap_connection import Entry, WrongPassword, dn_key, entry_of, escape_filter, open_connection
from directory_sync.ldap.ldap_driver import Driver, Place
from tests.directory_sync.entries import PEOPLE, entry, ldif, person
from tests.peers.processes import HANG, free_port
from tests.peers.slapd import BASE, MANAGER, PASSWORD, Slapd, start_slapd
from triage.errors import BadInput, Unanswered

pytestmark = pytest.mark.peers
BUILT = importlib.util.find_spec("ldap") is not None
NEEDS = "python-ldap is not installed: apt-get install gcc libldap2-dev libsasl2-dev, then pip install python-ldap"
DRIVERS = ["ldap3", pytest.param("python-ldap", marks=pytest.mark.skipif(not BUILT, reason=NEEDS))]

PEOPLE_FILTER = "(objectClass=inetOrgPerson)"
READER = f"uid=p0,{PEOPLE}"
LIMITS = f'limits dn.exact="{READER}" size=50 size.pr=50 size.prtotal=60\nlimits anonymous size=1000 size.prtotal=none'


@pytest.fixture(scope="module")
def server() -> Iterator[Slapd]:
    people = [person(f"p{number}", **({"userPassword": "pw of p0"} if number == 0 else {})) for number in range(120)]
    elsewhere = entry(
        f"ou=elsewhere,{BASE}", objectClass=["referral", "extensibleObject"], ou="elsewhere", ref="ldap://127.0.0.1:1/dc=elsewhere"
    )
    with start_slapd(ldif(*people, elsewhere), limits=LIMITS) as running:
        yield running


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each library speaks with the same server."""
    monkeypatch.setattr(ldap_connection, "make_driver", Ldap3Driver if request.param == "ldap3" else make_openldap_driver)
    return str(request.param)


def make_openldap_driver(place: Place) -> Driver:
    from directory_sync.ldap.openldap_driver import OpenldapDriver

    return OpenldapDriver(place)


@pytest.fixture
def place(server: Slapd, driver: str) -> Place:
    return Place(server.url, MANAGER, PASSWORD, ca_file=str(server.ca), timeout=5, patience=30, page_size=50)


def names(place: Place, query: str = PEOPLE_FILTER, base: str = BASE) -> list[str]:
    with open_connection(place) as connection:
        return [one.text("uid") for one in connection.search(base, query, ["uid", "entryUUID"])]


@pytest.mark.parametrize("page_size", [1, 7, 50, 120, 500])
def test_every_entry_comes_whatever_the_page(place: Place, page_size: int) -> None:
    assert sorted(names(replace(place, page_size=page_size))) == sorted(f"p{number}" for number in range(120))


def test_tls_from_the_start_and_anonymous(server: Slapd, place: Place) -> None:
    assert len(names(replace(place, url=server.tls_url))) == 120
    assert len(names(Place(server.url, ca_file=str(server.ca)))) == 120


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"bind_dn": READER, "password": "pw of p0", "page_size": 40}, "sizeLimitExceeded.*let our account read all entries"),
        ({"bind_dn": READER, "password": "pw of p0", "page_size": 100}, "adminLimitExceeded: lower directory.page_size"),
        ({"ca_file": ""}, r"certificate verify failed:? \(?self-signed certificate"),
        ({"url": "ldap://127.0.0.1:{port}"}, "IP address mismatch|does not match name in peer certificate"),
        ({"url": "ldaps://127.0.0.1:{tls_port}"}, "IP address mismatch|does not match name in peer certificate"),
        ({"url": "ldap://localhost:{nobody}"}, "Connection refused|Can't contact LDAP server"),
        ({"url": "ldap://no-such-host.invalid"}, "does not answer: .*invalid server address|does not answer"),
        ({"url": "ldaps://localhost:{port}"}, "does not answer"),
        ({"password": "wrong"}, "does not accept the password of cn=manager"),
    ],
)
def test_what_cannot_be_trusted_is_an_error(server: Slapd, place: Place, changed: dict[str, str], says: str) -> None:
    if url := changed.get("url"):
        changed = changed | {"url": url.format(port=server.port, tls_port=server.tls_port, nobody=free_port())}
    with pytest.raises(Unanswered, match=says):
        names(replace(place, **changed))  # type: ignore[arg-type]


def test_a_base_that_is_not_there_is_an_error_not_an_empty_company(place: Place) -> None:
    with pytest.raises(Unanswered, match=r"noSuchObject: directory\.base"):
        names(place, base="ou=nobody,dc=company,dc=example")


def test_a_referral_is_never_followed(place: Place) -> None:
    with pytest.raises(Unanswered, match=r"name that one in directory\.url"):
        names(place, base=f"ou=x,ou=elsewhere,{BASE}")


def test_a_wrong_password_is_told_apart(place: Place) -> None:
    with pytest.raises(WrongPassword):
        names(replace(place, password="wrong"))


def test_a_certificate_file_that_is_none_is_a_setting_of_no_use(place: Place, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for path in (tmp_path / "ca.pem", tmp_path / "missing.pem"):
        with pytest.raises(BadInput, match="tls_ca"):
            names(replace(place, ca_file=str(path)))


@pytest.mark.usefixtures("driver")
def test_a_server_that_says_nothing_is_left_in_time() -> None:
    with silent_server() as port:
        for changed in ({"timeout": 1}, {"timeout": int(HANG), "patience": 1}):
            began = time.monotonic()
            with pytest.raises(Unanswered, match="does not answer"):
                names(Place(f"ldap://127.0.0.1:{port}", verify=False, **changed))  # type: ignore[arg-type]
            assert time.monotonic() - began < HANG


def test_a_server_that_dies_between_two_pages_is_an_error(place: Place, server: Slapd) -> None:
    try:
        with open_connection(replace(place, page_size=10)) as connection:
            found = connection.search(BASE, PEOPLE_FILTER, ["uid"])
            for _ in range(10):
                next(found)
            server.stop()
            with pytest.raises(Unanswered):
                list(found)
    finally:
        server.stop()
        server.start()


@pytest.mark.parametrize("name", ["*", "p1)(uid=*", "p1\x00", "(", "\\", "ä*"])
def test_a_name_in_a_filter_means_nothing_but_itself(place: Place, name: str) -> None:
    assert names(place, f"(uid={escape_filter(name)})") == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("uid=Ana,ou=People,dc=x", "UID=ana, ou=people , dc = X"),
        ("cn=a\\,b,dc=x", "CN=A\\,B,DC=x"),
        (r"cn=Berg\, J\C3\B6rg,dc=x", r"CN=Berg\2C Jörg, DC=x"),
    ],
)
def test_two_spellings_of_a_name_are_equal(one: str, other: str) -> None:
    assert dn_key(one) == dn_key(other)


def test_what_is_escaped_separates_nothing() -> None:
    assert len({dn_key(one) for one in (r"cn=a\2Cdc=b,dc=x", "cn=a,dc=b,dc=x", r"cn=a\\2Cdc=b,dc=x")}) == 3


def test_a_value_in_a_language_stands_behind_one_in_none() -> None:
    given = {"cn;lang-ja": [b"\xe5\xb1\xb1"], "cn": [b"Yama"], "mail;lang-ja": [b"y@company.example"], "sn": []}
    found = entry_of("uid=y", given)
    assert {name: found.get(name) for name in ("CN", "mail", "sn")} == {
        "CN": (b"Yama", b"\xe5\xb1\xb1"),
        "mail": (b"y@company.example",),
        "sn": (),
    }


def test_in_which_order_a_server_gives_attributes_makes_no_other_entry() -> None:
    given = [("cn", [b"Y"]), ("sn", [b"A", b"B"])]
    one, other = (entry_of("uid=y", dict(pairs)) for pairs in (given, given[::-1]))
    assert one == other
    assert one.without("SN") == Entry.of("uid=y", {"cn": (b"Y",)})


@contextlib.contextmanager
def silent_server() -> Iterator[int]:
    """Server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        kept: list[socket.socket] = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    kept.append(listener.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    for one in kept:
        one.close()
