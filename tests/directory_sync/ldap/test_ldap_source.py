"""A real slapd is followed: changes and deletions come, what is not complete changes nothing that is known."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from directory_sync.ldap import ldap_source
from directory_sync.ldap.bind import Bind
from directory_sync.ldap.ldap_connection import Entry
from directory_sync.ldap.ldap_source import LdapSource
from tests.directory_sync.entries import GROUPS, PEOPLE, entry, group, ldif, person
from tests.peers.slapd import BASE, MANAGER, PASSWORD, Slapd, start_slapd
from triage.config.settings import Company, Directory
from triage.errors import BadInput, Unanswered

COMPANY = Company(domains=("company.example",), hostname="mx.company.example")


@pytest.fixture
def server() -> Iterator[Slapd]:
    with start_slapd(ldif(person("ana"), person("bob"), group("all", "ana", mail="all@company.example"))) as running:
        yield running


def settings(server: Slapd) -> Directory:
    (server.directory / "password").write_text(PASSWORD + "\n")
    return Directory(
        source="ldap",
        url=server.url,
        tls_ca=str(server.ca),
        bind_dn=MANAGER,
        password_file=str(server.directory / "password"),
        base=BASE,
        postmaster="ana@company.example",
    )


def uids(source: LdapSource, *, full: bool = False) -> list[str]:
    return [one.uid for one in source.read(full=full).company.people]


@pytest.mark.peers
def test_joiners_movers_and_leavers_are_seen_without_reading_everything(server: Slapd) -> None:
    source = LdapSource(settings(server), COMPANY)
    assert uids(source) == ["ana", "bob"]
    assert source.read() is source.read()  # nothing has changed: nothing is thought over again
    server.modify(
        f"dn: uid=cy,{PEOPLE}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: cy\ncn: Cy\nsn: C\nmail: cy@company.example\n\n"
        f"dn: uid=bob,{PEOPLE}\nchangetype: modify\nreplace: departmentNumber\ndepartmentNumber: Sales\n\n"
        f"dn: cn=all,{GROUPS}\nchangetype: modify\nadd: member\nmember: uid=cy,{PEOPLE}\n"
    )
    found = source.read().company
    assert [(one.uid, one.department) for one in found.people] == [("ana", "it"), ("bob", "sales"), ("cy", "general")]
    assert found.groups[0].members == ("ana", "cy")
    server.modify(f"dn: uid=ana,{PEOPLE}\nchangetype: delete\n\ndn: cn=all,{GROUPS}\nchangetype: delete\n")
    found = source.read().company
    assert ([one.uid for one in found.people], found.groups) == (["bob", "cy"], ())
    assert LdapSource(settings(server), COMPANY).read() == source.read(full=True)


@pytest.mark.peers
def test_somebody_who_leaves_and_comes_back_under_the_same_name_is_somebody_new(server: Slapd) -> None:
    source = LdapSource(settings(server), COMPANY)
    source.read()
    server.modify(
        f"dn: uid=bob,{PEOPLE}\nchangetype: delete\n\n"
        f"dn: uid=bob,{PEOPLE}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: bob\ncn: Robert\nsn: B\nmail: bob@company.example\n"
    )
    assert [one.name for one in source.read().company.people] == ["Name of ana", "Robert"]


CHILD = f"dc=child,{BASE}"


@pytest.mark.peers
def test_a_child_domain_on_the_same_server_is_a_part_of_the_company(tmp_path: Path) -> None:
    """OpenLDAP's glued databases; of Active Directory a global catalog shows a forest so."""
    (tmp_path / "child").mkdir()
    glued = f'database mdb\nsuffix "{CHILD}"\nsubordinate\nrootdn "{MANAGER}"\ndirectory {tmp_path}/child\ndbnosync'
    cleo = replace(person("cleo", userPassword="of cleo"), dn=f"uid=cleo,{CHILD}")
    child = entry(CHILD, objectClass=["dcObject", "organization"], o="Child", dc="child")
    with start_slapd(ldif(person("ana"), child, cleo, group("all", "ana", cleo.dn, mail="all@company.example")), general=glued) as server:
        source = LdapSource(settings(server), COMPANY)
        found = source.read()
        assert [one.uid for one in found.company.people] == ["ana", "cleo"]
        assert (found.company.groups[0].members, found.notes) == (("ana", "cleo"), ())
        assert Bind(settings(server))("cleo", "of cleo")
        server.modify(f"dn: {cleo.dn}\nchangetype: modify\nreplace: departmentNumber\ndepartmentNumber: Sales\n")
        assert [one.department for one in source.read().company.people] == ["it", "sales"]
        server.modify(f"dn: {cleo.dn}\nchangetype: delete\n")
        assert uids(source) == ["ana"]


@pytest.mark.peers
def test_a_part_of_the_tree_on_another_server_is_named_and_not_looked_into() -> None:
    places = [f"ldap://child.company.example/{CHILD}", f"ldap://zones.company.example/DC=ForestDnsZones,{BASE}"]
    references = [
        entry(f"dc={name},{BASE}", objectClass=["referral", "extensibleObject"], dc=name, ref=uri)
        for name, uri in zip(("child", "ForestDnsZones"), places, strict=True)
    ]
    with start_slapd(ldif(person("ana"), *references)) as server:
        source = LdapSource(settings(server), COMPANY)
        found = source.read()
        assert [one.uid for one in found.company.people] == ["ana"]
        (note,) = found.notes
        assert note.entry.startswith(places[0])
        assert "whoever is there is unknown here" in note.what
        assert source.read() is found


class Tree:
    """A server with these entries, of which none was changed in the second in which another one was."""

    elsewhere: frozenset[str] = frozenset()

    def __init__(self, people: list[Entry], groups: list[Entry]) -> None:
        self.people, self.groups = people, groups

    def search(self, base: str, query: str, attributes: list[str]) -> list[Entry]:
        found = self.people if "inetOrgPerson" in query else self.groups
        seen = query.partition("modifyTimestamp>=")[2].rstrip(")")
        return [one for one in found if one.text("modifyTimestamp") > seen]


def test_who_moves_with_their_part_of_the_tree_is_read_anew_and_stays_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of the tree that gets another name changes the names of all entries below, and no entry's time of change."""
    ana, bob = (person(name, modifyTimestamp="20260101000000Z") for name in ("ana", "bob"))
    tree = Tree([ana, bob], [group("all", "ana", "bob", mail="all@company.example", modifyTimestamp="20260101000000Z")])
    monkeypatch.setattr(ldap_source, "open_connection", lambda place: contextlib.nullcontext(tree))
    source = LdapSource(Directory(url="ldap://x", base=BASE, postmaster="ana@company.example"), COMPANY)
    known = source.read()
    assert (known.company.groups[0].members, source.read()) == (("ana", "bob"), known)
    tree.people = [replace(one, dn=one.dn.replace("people", "staff")) for one in tree.people]
    tree.groups = [group("all", *(one.dn for one in tree.people), mail="all@company.example", modifyTimestamp="20260201000000Z")]
    assert source.read() == known


def test_who_is_read_again_and_says_the_same_is_the_same_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole reading of a large company takes no second room, and a sign-in that the server notes at an entry is no change."""
    tree = Tree([person(name, modifyTimestamp="20260101000000Z") for name in ("ana", "bob")], [])
    monkeypatch.setattr(ldap_source, "open_connection", lambda place: contextlib.nullcontext(tree))
    source = LdapSource(Directory(url="ldap://x", base=BASE, postmaster="ana@company.example"), COMPANY)
    known, (ana, _) = source.read(), source.kinds[0].entries.values()
    tree.people = [person(name, modifyTimestamp="20260102000000Z") for name in ("ana", "bob")]
    assert source.read() is known
    assert source.read(full=True) is known
    tree.people[1] = person("bob", departmentNumber="sales", modifyTimestamp="20260103000000Z")
    found = source.read()
    assert [one.department for one in found.company.people] == ["it", "sales"]
    assert found.company.people[0] is known.company.people[0]
    assert next(iter(source.kinds[0].entries.values())) is ana


class Controllers:
    """Two domain controllers behind one name, each with numbers of its own."""

    elsewhere: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.numbers, self.here, self.department = {"dc1": "9000", "dc2": "40"}, "dc1", "it"

    def search(self, base: str, query: str, attributes: list[str], *, subtree: bool = True) -> list[Entry]:
        if not subtree:
            return [Entry.of("", {"dsservicename": (self.here.encode(),)})]
        seen = int("0" + query.partition("uSNChanged>=")[2].rstrip(")"))
        number = self.numbers[self.here]
        ana = person("ana", objectGUID="1", department=self.department, uSNChanged=number)
        return [ana] if "objectClass=user" in query and int(number) >= seen else []


def test_a_name_that_leads_to_several_domain_controllers_hides_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Controllers()
    monkeypatch.setattr(ldap_source, "open_connection", lambda place: contextlib.nullcontext(server))
    source = LdapSource(Directory(url="ldap://x", base=BASE, postmaster="ana@company.example", preset="ad"), COMPANY)

    def department() -> str:
        return source.read().company.people[0].department

    assert (department(), source.read() is source.read()) == ("it", True)
    server.here, server.department, server.numbers["dc2"] = "dc2", "sales", "41"
    assert department() == "sales"
    server.department, server.numbers["dc2"] = "hr", "42"
    assert department() == "hr", "the other one's numbers are forgotten"


def test_a_change_that_comes_late_or_by_a_slow_clock_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    ana, bob = person("ana", modifyTimestamp="20260101120000Z"), person("bob", modifyTimestamp="20260101100000Z")
    tree = Tree([ana, bob], [])
    monkeypatch.setattr(ldap_source, "open_connection", lambda place: contextlib.nullcontext(tree))
    source = LdapSource(Directory(url="ldap://x", base=BASE, postmaster="ana@company.example"), COMPANY)
    source.read()
    tree.people = [ana, person("bob", departmentNumber="sales", modifyTimestamp="20260101113000Z")]
    assert [one.department for one in source.read().company.people] == ["it", "sales"]


@pytest.mark.parametrize(
    ("newest", "asked"),
    [("20260101003000Z", "20251231233000Z"), ("20261124192017", "20261124192017"), ("4711", "4711"), ("20260101.0Z", "20260101.0Z")],
)
def test_times_are_asked_for_from_a_while_before(newest: str, asked: str) -> None:
    assert ldap_source.changes_since(newest) == asked


@pytest.mark.peers
def test_a_server_that_is_down_takes_nothing_that_is_known(server: Slapd) -> None:
    source = LdapSource(settings(server), COMPANY)
    known = source.read()
    server.stop()
    with pytest.raises(Unanswered):
        source.read()
    server.start()
    assert source.read() == known


@pytest.mark.peers
def test_an_account_that_may_see_nobody_gets_an_error_or_an_empty_company(server: Slapd) -> None:
    """An empty company is the house's to refuse: directory.apply has a brake."""
    with pytest.raises(Unanswered, match="noSuchObject"):
        LdapSource(replace(settings(server), base="dc=elsewhere"), COMPANY).read()
    assert uids(LdapSource(replace(settings(server), people_filter="(uid=nobody)"), COMPANY)) == []


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"url": "http://x"}, "url must be ldap://HOST"),
        ({"base": ""}, "base is empty"),
        ({"postmaster": ""}, "postmaster is empty"),
        ({"password_file": "/nowhere/x"}, "password_file “/nowhere/x” cannot be read"),
    ],
)
def test_a_setting_of_no_use_says_what_to_write(tmp_path: Path, changed: dict[str, str], says: str) -> None:
    (tmp_path / "password").write_text("pw")
    good = Directory(url="ldap://x", bind_dn="cn=x", password_file=str(tmp_path / "password"), base="dc=x", postmaster="a@company.example")
    LdapSource(good, COMPANY)
    with pytest.raises(BadInput, match=says):
        LdapSource(replace(good, **changed), COMPANY)  # type: ignore[arg-type]


def test_an_empty_password_is_never_sent(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("\n")
    with pytest.raises(BadInput, match=r"is empty: a server takes that for nobody"):
        ldap_source.password_of(Directory(bind_dn="cn=x", password_file=str(tmp_path / "password")))


@pytest.mark.parametrize(("earlier", "later"), [("9", "10"), ("20261124192017Z", "20261124192018Z"), ("", "1"), ("", "20261124192017Z")])
def test_changes_are_ordered_as_their_server_means_them(earlier: str, later: str) -> None:
    assert ldap_source.order_of(earlier) < ldap_source.order_of(later)
