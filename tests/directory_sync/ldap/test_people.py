"""Entries become a company; each bad one is refused by itself, with the reason."""

import re
from typing import Any

import pytest
from hypothesis import given, strategies as st

from directory_sync.ldap.ldap_connection import Entry
from directory_sync.ldap.people import Reader
from directory_sync.ldap.schema import schema_of
from directory_sync.reading import Reading
from tests.directory_sync.entries import GROUPS, PEOPLE, entry, group, person
from triage.addressing.company import PersonEntry
from triage.addressing.envelope import Address
from triage.config.settings import Company, Directory
from triage.directory.address_owners import NO_HOLDERS, Holders
from triage.errors import BadInput

COMPANY = Company(domains=("company.example", "company.test"), hostname="mx.company.example")


def read(*entries: Entry, holders: Holders = NO_HOLDERS, **settings: Any) -> Reading:
    directory = Directory(source="ldap", postmaster="ida@company.example", **settings)
    people = [one for one in entries if one.get("objectClass") == (b"inetOrgPerson",)]
    groups = [one for one in entries if one not in people]
    return Reader(schema_of(directory), directory, COMPANY, holders=holders).read(people, groups)


def only(reading: Reading) -> PersonEntry:
    (one,) = reading.company.people
    return one


def test_a_person_comes_with_everything_that_the_house_wants_to_know() -> None:
    reading = read(
        person("ana", cn="Ana Kovačić", mail=["ana@company.example", "Ana.K@Company.TEST"], departmentNumber="Büro & Einkauf"),
        person("jo", manager=f"UID=ana, {PEOPLE}", secretary=[f"uid=ana,{PEOPLE}"]),
    )
    assert reading.company.people == (
        PersonEntry("ana", "Ana Kovačić", "buro-einkauf", "ana@company.example", ("ana.k@company.test",), identity="id of ana"),
        PersonEntry("jo", "Name of jo", "it", "jo@company.example", manager="ana", assistants=("ana",), identity="id of jo"),
    )
    assert [(one.code, one.name) for one in reading.company.departments] == [("buro-einkauf", "Büro & Einkauf"), ("it", "it")]
    assert (reading.refused, reading.notes) == ((), ())


GUID = bytes(range(16))


@pytest.mark.parametrize(
    ("values", "settings", "identity"),
    [
        ({"entryUUID": "3f2a"}, {}, "3f2a"),
        ({"entryUUID": None}, {}, ""),
        ({"entryUUID": "a\nb"}, {}, ""),
        ({"entryUUID": "x" * 201}, {}, ""),
        ({"employeeNumber": " 4711 "}, {"identity_attribute": "employeeNumber"}, "4711"),
        ({}, {"identity_attribute": "employeeNumber"}, ""),
        ({"objectGUID": GUID}, {"identity_attribute": "objectGUID"}, "03020100-0504-0706-0809-0a0b0c0d0e0f"),
        ({"objectGUID": b"\xff\xfe"}, {"identity_attribute": "objectGUID"}, "fffe"),
    ],
)
def test_who_somebody_is_whatever_they_are_called(values: dict[str, Any], settings: dict[str, Any], identity: str) -> None:
    assert only(read(person("ana", **values), **settings)).identity == identity


def test_an_identity_that_two_have_says_who_nobody_is() -> None:
    reading = read(
        *(person(name, employeeNumber=number) for name, number in (("ana", "1"), ("bo", "1"), ("cy", "2"))),
        identity_attribute="employeeNumber",
    )
    assert [one.identity for one in reading.company.people] == ["", "", "2"]
    assert [str(note) for note in reading.notes] == [
        f"{name}: employeeNumber 1 is somebody else's too, and does not say who this is" for name in ("ana", "bo")
    ]


def test_a_person_may_say_where_mail_goes_when_they_have_left() -> None:
    reading = read(
        person("ana", description="manager"), person("ben", description="folder:hr"), person("jo"), leaver_attribute="description"
    )
    assert [one.leaver for one in reading.company.people] == ["manager", "folder:hr", ""]
    assert [str(note) for note in reading.notes] == ["ben: description: there is no department “hr”; there are it"]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"mail": None}, "it has no mail address"),
        ({"mail": "x@elsewhere.example"}, "x@elsewhere.example is outside the company's domains"),
        ({"mail": "no address"}, "is not an email address"),
        ({"mail": "x@[127.0.0.1]"}, "is not an email address"),
        ({"mail": "a%b@[::1]"}, "is not an email address"),
        ({"mail": b"x\xff@company.example"}, "codec can't decode"),
        ({"mail": "x\n@company.example"}, "mail holds control characters"),
        ({"mail": "x" * 1_000_000 + "@company.example"}, "is not an email address"),
        (
            {"mail": ["x@company.example", *(f"a{number}@company.example" for number in range(500))]},
            "too many addresses: 501, more than 200",
        ),
        ({"uid": None}, "it has no uid"),
        ({"uid": "x y"}, "is not an email address"),
        ({"uid": "*)(uid=*"}, "is not an email address"),
        ({"cn": "a\x1b[31mb"}, "cn holds control characters"),
        ({"mail": "ana@company.example", "createTimestamp": "20260101000000Z"}, "ana@company.example belongs already to uid=ana"),
        ({"uid": "ANA"}, "the name ana belongs already to uid=ana"),
    ],
)
def test_a_bad_entry_is_refused_and_the_others_are_taken(wrong: dict[str, Any], why: str) -> None:
    reading = read(person("ana"), person("x", **wrong))
    assert [one.uid for one in reading.company.people] == ["ana"]
    (refused,) = reading.refused
    assert refused.entry == f"uid=x,{PEOPLE}"
    assert re.search(why, refused.what), refused.what


def test_the_first_owner_keeps_an_address_and_the_report_names_both() -> None:
    reading = read(
        person("ana", mail=["ana@company.example", "bob@company.example", "desk@company.example"]),
        person("bob"),
        person("cy", mail=["cy@company.example", "desk@company.example"], createTimestamp="20260101000000Z"),
    )
    assert [one.aliases for one in reading.company.people] == [("desk@company.example",), (), ()]
    assert [str(one) for one in reading.notes] == [
        f"uid=ana,{PEOPLE}: an address is left out: bob@company.example belongs already to uid=bob,{PEOPLE}",
        f"uid=cy,{PEOPLE}: an address is left out: desk@company.example belongs already to uid=ana,{PEOPLE}",
    ]


def test_a_domain_that_the_settings_do_not_name_is_noted_once() -> None:
    cloud = [person(name, mail=[f"{name}@company.example", f"{name}@cloud.example"]) for name in ("ana", "bob")]
    reading = read(*cloud, person("cy", mail=["cy@company.example", "cy@brand.example"]))
    assert [str(one) for one in reading.notes] == [
        "brand.example: what is in this domain is left out, as [company] domains does not name it: cy@brand.example",
        "cloud.example: what is in this domain is left out, as [company] domains does not name it: ana@cloud.example and 1 more",
    ]


def held_by(reading: Reading) -> Holders:
    """Holders of addresses in the database after this reading was imported."""
    people, groups = reading.company.people, reading.company.groups
    addresses = {address: one.identity for one in people for address in (one.mailbox, *one.aliases)}
    return Holders(addresses | {one.address: f"group:{one.name}" for one in groups}, {one.uid: one.identity for one in people})


@pytest.mark.parametrize(
    "thief",
    [
        {"mail": "victim@company.example"},
        {"mail": ["thief@company.example", "victim@company.example"]},
        {"uid": "victim", "mail": "other@company.example"},
        {"uid": "victim", "mail": "victim@company.example"},
    ],
)
def test_an_older_entry_takes_no_address_and_no_name_from_who_has_it(thief: dict[str, Any]) -> None:
    def entries(**values: Any) -> list[Entry]:
        older = person("thief", createTimestamp="20100101000000Z", **values)
        return [older, person("victim", createTimestamp="20200101000000Z")]

    before = read(*entries())
    after = read(*entries(**thief), holders=held_by(before))
    (victim,) = (one for one in after.company.people if one.identity == "id of victim")
    assert (victim.uid, victim.mailbox) == ("victim", "victim@company.example")
    assert not [one for one in after.company.people if one != victim and "victim" in (one.uid, one.mailbox.partition("@")[0])]
    (told,) = (*after.refused, *after.notes)
    assert f"belongs already to uid=victim,{PEOPLE}" in told.what


def test_an_older_list_takes_no_address_from_the_one_that_has_it() -> None:
    people = [person("ana"), person("bob")]
    board = group("board", "ana", mail="board@company.example", createTimestamp="20200101000000Z")
    older = {"createTimestamp": "20100101000000Z"}
    before = read(*people, board, group("old", "bob", mail="old@company.example", **older))
    after = read(*people, board, group("old", "bob", mail="board@company.example", **older), holders=held_by(before))
    assert [(one.name, one.members) for one in after.company.groups] == [("board", ("ana",))]


def test_a_first_import_names_a_conflict_and_chooses_nobody() -> None:
    alike = [person(name, mail=["shared@company.example"], departmentNumber="sales") for name in ("ana", "bob")]
    reading = read(*alike, person("cy"))
    assert [one.uid for one in reading.company.people] == ["cy"]
    assert [(one.address, one.department, one.members) for one in reading.company.groups] == [("shared@company.example", "sales", ())]
    why = (
        f"shared@company.example is claimed by uid=ana,{PEOPLE} and by uid=bob,{PEOPLE}, and nobody had it: "
        "its messages are held in a shared folder until one gives it up"
    )
    assert [str(one) for one in reading.refused] == [f"uid={name},{PEOPLE}: {why}" for name in ("ana", "bob")]
    again = read(*alike, person("cy"), holders=held_by(reading))
    assert again.company == reading.company, "it does not depend on who was read first, the next time either"


def test_nobody_new_takes_an_address_away() -> None:
    thief = person("a.thief", mail="victim@company.example", createTimestamp="20261124100000Z")
    victim = person("victim", createTimestamp="20200101000000Z")
    reading = read(thief, victim)
    assert [one.uid for one in reading.company.people] == ["victim"]
    assert [str(one) for one in reading.refused] == [f"uid=a.thief,{PEOPLE}: victim@company.example belongs already to uid=victim,{PEOPLE}"]


@pytest.mark.parametrize(
    ("heir", "addresses"),
    [
        ({"mail": "old@company.example"}, ("old@company.example",)),
        ({"mail": ["new@company.example", "old@company.example"]}, ("new@company.example", "old@company.example")),
        ({"uid": "old"}, ("new@company.example",)),
    ],
)
def test_who_has_left_takes_no_address_from_who_is_here(heir: dict[str, Any], addresses: tuple[str, ...]) -> None:
    old = person("old", createTimestamp="20190101000000Z", pwdAccountLockedTime="000001010000Z")
    reading = read(old, person("new", createTimestamp="20261124100000Z", **heir))
    (one,) = (one for one in reading.company.people if one.active)
    assert (one.mailbox, *one.aliases) == addresses
    assert len(reading.refused) == 1, "who has left"


def test_a_space_of_any_width_is_part_of_a_name() -> None:
    taro = entry(f"cn=山田\u3000太郎,{PEOPLE}", objectClass="inetOrgPerson", uid="taro", cn="山田\u3000太郎", mail="taro@company.example")
    reading = read(taro, person("ana", cn="Ana\u00a0Berg"), group("all", taro.dn, "ana", mail="all@company.example"))
    assert [one.name for one in reading.company.people] == ["山田\u3000太郎", "Ana\u00a0Berg"]
    assert [one.members for one in reading.company.groups] == [("ana", "taro")]
    assert "is not a mail address" in str(read(person("ana", mail="a\u00a0b@company.example")).refused)


@pytest.mark.parametrize(
    ("values", "unread"),
    [
        ({"cn": "a\x1b[31mb"}, ("ana",)),
        ({"mail": "ana@compnay.example"}, ("ana",)),
        ({"mail": b"\xff"}, ("ana",)),
        ({"mail": "bob@company.example"}, ("ana",)),
        ({"mail": "ana@compnay.example", "uid": "Bob"}, ()),
        ({"uid": b"\xff"}, ()),
        ({"mail": None}, ()),
        ({"cn": "a\x1b[31mb", "pwdAccountLockedTime": "000001010000Z"}, ()),
    ],
)
def test_who_is_here_with_a_bad_entry_is_said_to_be_so_and_stays_in_groups(values: dict[str, Any], unread: tuple[str, ...]) -> None:
    bob = person("bob", createTimestamp="20190101000000Z")
    found = read(bob, person("ana", createTimestamp="20200101000000Z", **values), group("all", "ana", "bob", mail="all@company.example"))
    assert (len(found.refused), [one.uid for one in found.company.people], found.company.unread) == (1, ["bob"], unread)
    assert found.company.groups[0].members == (*unread, "bob")
    assert found.company.unread_identities == tuple(f"id of {uid}" for uid in unread)


@pytest.mark.parametrize(
    ("values", "staff"),
    [
        ({"mail": "ana@compnay.example"}, ("ana",)),
        ({"mail": "ana@compnay.example", "userAccountControl": "514", "msExchRecipientTypeDetails": "4"}, ()),
        ({"userAccountControl": b"\xff"}, ()),
        ({"mail": "ana@compnay.example", "mailNickname": "x", "uid": b"\xff"}, ("ana",)),
    ],
)
def test_whose_entry_cannot_be_taken_is_still_in_a_group_of_staff(values: dict[str, Any], staff: tuple[str, ...]) -> None:
    desk = group("desk", "ana", "bob")
    found = read(person("ana", **values), person("bob"), desk, preset="ad", staff_groups=(f"cn=desk,{GROUPS} => admin company",))
    assert [one.login for one in found.company.staff] == ["bob"]
    assert found.company.unread_staff == staff


@pytest.mark.parametrize(
    ("setting", "values", "code"),
    [
        ({}, {"departmentNumber": "Human Resources"}, "human-resources"),
        ({"department_codes": ("Human Resources=hr",)}, {"departmentNumber": "human resources"}, "hr"),
        ({"department_codes": ("東京=tokyo",)}, {"departmentNumber": "東京"}, "tokyo"),
        ({}, {"departmentNumber": "東京"}, "1lqs71d"),
        ({}, {"departmentNumber": "Отдел продаж"}, "8sbkbdj5avejls"),
        ({}, {"departmentNumber": "-"}, "general"),
        ({}, {"departmentNumber": None}, "general"),
        ({"default_department": "everybody"}, {"departmentNumber": None}, "everybody"),
        ({"department": "attribute:ou"}, {"ou": "Sales"}, "sales"),
        ({"department": "ou"}, {}, "people"),
        ({"department": f"group:{GROUPS}"}, {}, "board"),
    ],
)
def test_a_department_is_found_where_the_settings_say(setting: dict[str, Any], values: dict[str, Any], code: str) -> None:
    assert only(read(person("ana", **values), group("Board", "ana"), **setting)).department == code


@pytest.mark.parametrize("setting", [{}, {"department": f"group:{GROUPS}"}])
def test_of_two_departments_the_first_counts_and_the_other_one_is_noted(setting: dict[str, Any]) -> None:
    found = read(person("ana", departmentNumber=["Board", "Sales"]), group("Sales", "ana"), group("Board", "ana"), **setting)
    assert only(found).department == "board"
    assert [str(one) for one in found.notes] == [f"uid=ana,{PEOPLE}: is in several departments (Board, Sales): Board counts"]


def test_an_attribute_for_the_department_that_nobody_has_is_told_once() -> None:
    """A global catalog of Active Directory leaves `department` out, unless the forest's schema says otherwise."""
    people = [person("ana", displayName="Ana"), person("bob", displayName="Bob")]
    (note,) = read(*people, preset="ad").notes
    assert str(note) == (
        "department: no entry has this attribute, so everybody is in general; a global catalog may lack it (docs/how-to/ldap-directory.md)"
    )
    assert read(*people, person("cy", displayName="Cy", department="IT"), preset="ad").notes == ()
    assert read(*people, preset="ad", department="ou").notes == ()


def test_who_is_responsible_for_a_department_is_the_owner_of_its_group_or_unit() -> None:
    board = read(person("ana"), group("Board", "ana", owner=f"uid=ana,{PEOPLE}"), department=f"group:{GROUPS}")
    assert [(one.code, one.responsible) for one in board.company.departments] == [("board", "ana")]
    directory = Directory(source="ldap", postmaster="ida@company.example", department="ou")
    unit = entry(PEOPLE, objectClass="organizationalUnit", ou="people", manager=f"uid=ana,{PEOPLE}")
    found = Reader(schema_of(directory), directory, COMPANY).read([person("ana")], [], [unit])
    assert [(one.code, one.responsible) for one in found.company.departments] == [("people", "ana")]


def test_departments_get_what_the_settings_add_and_a_look_alike_is_reported() -> None:
    reading = read(person("it"), roles=("it=help,admin@company.test", "sales=info"), department_mailboxes=("it=desk@company.example",))
    assert [(one.code, one.roles, one.mailbox) for one in reading.company.departments] == [
        ("it", ("help", "admin@company.test"), "desk@company.example"),
        ("sales", ("info",), ""),
    ]
    assert [str(one) for one in reading.notes] == ["it: this department's code is also the address of it, who keeps it"]


@pytest.mark.parametrize(
    ("preset", "values", "active"),
    [
        ("openldap", {"pwdAccountLockedTime": "000001010000Z"}, False),
        ("openldap", {"pwdAccountLockedTime": "20260101000000Z"}, True),
        ("freeipa", {"nsAccountLock": "TRUE"}, False),
        ("ad", {"userAccountControl": "514", "displayName": "Ana"}, False),
        ("ad", {"userAccountControl": "512", "displayName": "Ana"}, True),
        ("ad", {"userAccountControl": "514", "msExchRecipientTypeDetails": "1"}, False),  # a user's own mailbox
        ("ad", {"userAccountControl": "514", "msExchRecipientTypeDetails": "2147483648"}, False),  # the same, in the cloud
        ("ad", {"userAccountControl": "514", "msExchRecipientTypeDetails": "4"}, True),  # shared
        ("ad", {"userAccountControl": "514", "msExchRecipientTypeDetails": "34359738368"}, True),  # the same, in the cloud
        ("ad", {"userAccountControl": "514", "msExchRecipientTypeDetails": "16"}, True),  # a room
    ],
)
def test_a_disabled_account_is_somebody_who_left_unless_nobody_signs_in_to_its_mailbox(
    preset: str, values: dict[str, Any], active: bool
) -> None:
    assert only(read(person("ana", **values), preset=preset)).active is active


@pytest.mark.parametrize(("control", "logins"), [("512", ["ana", "bo"]), ("514", ["bo"])])
def test_nobody_triages_by_an_account_that_is_disabled_though_its_mailbox_was_made_a_shared_one(control: str, logins: list[str]) -> None:
    """As is usual when somebody leaves: their mail is read on, and they are still in the groups."""
    ana = person("ana", sAMAccountName="ana", userAccountControl=control, msExchRecipientTypeDetails="4")
    bo = person("bo", sAMAccountName="bo", assistant=ana.dn, userAccountControl="512")
    reading = read(ana, bo, group("desk", "ana", "bo"), preset="ad", staff_groups=(f"cn=desk,{GROUPS} => admin company",))
    assert [one.login for one in reading.company.staff] == logins
    assert all(one.active for one in reading.company.people)


def test_active_directory_marks_the_ordinary_address_in_capitals() -> None:
    one = only(
        read(
            person(
                "ana", mail=None, userPrincipalName="ana@company.example", department="IT",
                proxyAddresses=["smtp:ana@company.test", "SMTP:Ana.Kovacic@company.example", "X500:/o=company", "sip:ana@company.example"],
            ),
            preset="ad",
            uid_attribute="userPrincipalName",
        )
    )  # fmt: skip
    assert (one.uid, one.mailbox, one.aliases) == ("ana", "ana.kovacic@company.example", ("ana@company.test",))


@pytest.mark.parametrize(
    ("preset", "values"),
    [
        ("openldap", {"mail": ["ana@private.example", "ana@company.example", "a@company.example"]}),
        ("openldap", {"mail": None, "mailPrimaryAddress": "ana@company.example", "mailAlternativeAddress": "a@company.example"}),
        ("openldap", {"mailLocalAddress": "a@company.example"}),
        ("openldap", {"gosaMailAlternateAddress": "a@company.example"}),
        ("freeipa", {"mailAlternateAddress": "a@company.example"}),
        ("ad", {"mail": "ana@company.local", "proxyAddresses": ["smtp:a@company.example", "SMTP:ana@company.example"]}),
        ("ad", {"mail": None, "proxyAddresses": ["smtp:a@company.example", "SMTP:ana@company.example"]}),
    ],
)
def test_the_ordinary_address_is_the_first_of_ours(preset: str, values: dict[str, Any]) -> None:
    one = only(read(person("ana", **values), preset=preset))
    assert (one.uid, one.mailbox, one.aliases) == ("ana", "ana@company.example", ("a@company.example",))


@pytest.mark.parametrize("older", [{}, {"userAccountControl": "514"}, {"displayName": "a\x1b[31mb"}, {"department": "a\x1b[31mb"}])
def test_two_domains_may_have_the_same_name_before_the_at_and_nobody_becomes_the_other(older: dict[str, str]) -> None:
    reading = read(
        person("i1", mail="info@company.example", whenCreated="20190101000000.0Z", **older),
        person("i2", mail="info@company.test", whenCreated="20200101000000.0Z"),
        preset="ad",
    )
    names = {one.uid: one.mailbox for one in reading.company.people} | dict.fromkeys(reading.company.unread, "info@company.example")
    assert names == {"info": "info@company.example", "info.company.test": "info@company.test"}


def test_the_mailbox_that_the_mail_server_marks_keeps_its_address_and_aliases() -> None:
    admin = person("adm", mail="ana@company.example", whenCreated="20190101000000.0Z")
    marked = ["SMTP:ana@company.example", "smtp:a@company.example"]
    reading = read(admin, person("ana", whenCreated="20200101000000.0Z", proxyAddresses=marked), preset="ad")
    assert [(one.name, one.aliases) for one in reading.company.people] == [("ana", ("a@company.example",))]
    assert [one.entry for one in reading.refused] == [f"uid=adm,{PEOPLE}"]


def test_a_name_too_long_for_a_triage_address_is_no_reason_to_refuse_anybody() -> None:
    reading = read(person("maximiliane.von.hohenstein", departmentNumber="Abteilung für Informationssicherheit und Datenschutz"))
    assert only(reading).mailbox == "maximiliane.von.hohenstein@company.example"
    assert [one.what for one in reading.notes] == [
        "“abteilung-fur-informationssicherheit-und-datenschutz” and “maximiliane.von.hohenstein” make no triage address: "
        "name a short code in [directory] department_codes"
    ]


def test_members_that_only_the_server_behind_can_take_apart_and_contacts_get_their_copy() -> None:
    def one(kind: str, name: str, **values: Any) -> Entry:
        return entry(f"cn={name},{GROUPS}", objectClass=["top", kind], cn=name, **values)

    here = {"mail": "joe@partner.example", "proxyAddresses": ["SMTP:joe@partner.example", "smtp:joe@company.example"]}
    near = one("msExchDynamicDistributionList", "near", mail="near@company.example")
    joe, kim = one("contact", "joe", **here), one("contact", "kim", mail="kim@partner.example")
    lee = person("lee", mail="lee@partner.example", targetAddress="SMTP:lee@partner.example")  # a message user
    old = person("old", mail="old@private.example", targetAddress="SMTP:old@private.example", userAccountControl="514")  # has left
    max_ = person("max", mail="max@compnay.example")  # a typo
    some = group("some", kim.dn, near.dn, "lee", "max", "old")
    everybody = group("all", "ana", joe.dn, some.dn, mail="all@company.example")
    found = read(person("ana"), near, joe, kim, lee, old, max_, some, everybody, preset="ad")
    assert [(one.address, one.members, one.external, one.expand) for one in found.company.groups] == [
        (
            "all@company.example",
            ("ana", "max", "joe@company.example", "near@company.example"),
            ("kim@partner.example", "lee@partner.example"),
            True,
        ),
        ("joe@company.example", (), (), False),
        ("near@company.example", (), (), False),
    ]
    assert (len(found.refused), found.company.unread) == (3, ("max",))


def test_groups_with_an_address_are_lists_nested_ones_followed_and_cycles_cut() -> None:
    reading = read(
        person("ana", departmentNumber="sales"), person("bob"), person("cy"),
        group("all", "ana", f"cn=some,{GROUPS}", mail="all@company.example", owner=f"uid=cy,{PEOPLE}"),
        group("some", "bob", "ana", "gone", f"cn=all,{GROUPS}", f"cn=some,{GROUPS}"),
        group("most", "bob", "cy", "ana", mail=["most@company.example"]),
        group("foreign", "bob", mail="list@elsewhere.example"),
        entry(f"cn=unix,{GROUPS}", objectClass="posixGroup", cn="unix", memberUid=["ana", "nobody"], mail="unix@company.example"),
    )  # fmt: skip
    assert [(one.address, one.members, one.department) for one in reading.company.groups] == [
        ("all@company.example", ("ana", "bob"), "it"),
        ("most@company.example", ("ana", "bob", "cy"), "it"),
        ("unix@company.example", ("ana",), "sales"),
    ]
    assert [str(one) for one in reading.refused] == [f"cn=foreign,{GROUPS}: list@elsewhere.example is outside the company's domains"]


def test_what_only_the_server_behind_can_take_apart_is_passed_on_as_its_address() -> None:
    reading = read(
        person("ana"), person("bob", departmentNumber="sales"),
        entry(f"cn=dynamic,{GROUPS}", objectClass=["top", "msExchDynamicDistributionList"], cn="dynamic", mail="near@company.example",
              managedBy=f"uid=bob,{PEOPLE}", displayName="Everybody near"),
        entry(f"cn=folder,{GROUPS}", objectClass=["top", "publicFolder"], cn="folder", mail="press@company.example"),
        preset="ad", uid_attribute="uid", department="attribute:departmentNumber",
        further_addresses=("it=tickets, scan@company.test, ana", "sales= tickets@company.example ,"),
    )  # fmt: skip
    assert [(one.address, one.department, one.members, one.expand) for one in reading.company.groups] == [
        ("near@company.example", "sales", (), False),
        ("press@company.example", "general", (), False),
        ("tickets@company.example", "it", (), False),
        ("scan@company.test", "it", (), False),
    ]
    assert [str(one) for one in reading.refused] == [
        f"[directory] further_addresses: ana@company.example belongs already to uid=ana,{PEOPLE}",
        "[directory] further_addresses: tickets@company.example belongs already to [directory] further_addresses",
    ]


@pytest.mark.parametrize(("preset", "closed_lists"), [("ad", True), ("ad", False), ("openldap", True)])
def test_exchange_says_which_groups_take_mail_from_inside_only(preset: str, closed_lists: bool) -> None:
    reading = read(
        person("ana"),
        group("all", member=f"uid=ana,{PEOPLE}", mail="all@company.example", msExchRequireAuthToSendTo="TRUE"),
        group("board", member=f"uid=ana,{PEOPLE}", mail="board@company.example", msExchRequireAuthToSendTo="TRUE"),
        group("info", member=f"uid=ana,{PEOPLE}", mail="info@company.example", msExchRequireAuthToSendTo="FALSE"),
        group("press", member=f"uid=ana,{PEOPLE}", mail="press@company.example"),
        preset=preset, uid_attribute="uid", department="attribute:departmentNumber", closed_lists=closed_lists,
    )  # fmt: skip
    asked = preset == "ad" and closed_lists
    assert [one.closed for one in reading.company.groups] == [asked, asked, False, False]
    assert [str(one) for one in reading.notes] == asked * [
        "all@company.example: mail from outside is refused for this address and 1 more: "
        "msExchRequireAuthToSendTo says so (closed_lists = false takes it)"
    ]


def test_a_seal_on_a_name_that_the_directory_does_not_know_is_told() -> None:
    reading = read(
        person("ana"), person("mara.jensen"), confidential=("person:mara.berg => ana", "person:ana => ana", "department:it => ana")
    )
    assert [str(one) for one in reading.notes] == [
        "person:mara.berg: it is sealed, and the directory names it no more; if it has another name now, seal that one too"
    ]


def test_staff_come_from_groups_and_assistants_see_whom_they_assist() -> None:
    reading = read(
        person("ana"), person("bob", departmentNumber="sales"), person("cy", secretary=f"uid=bob,{PEOPLE}"),
        person("dan", pwdAccountLockedTime="000001010000Z"),
        group("reception", "ana", "dan"), group("desks", "bob", f"cn=reception,{GROUPS}"), group("admins", "ana"),
        staff_groups=(f"CN=reception, {GROUPS} => triage company", f"cn=desks,{GROUPS} => triage own-department",
                      f"cn=admins,{GROUPS} => admin company", "cn=none => auditor company"),
    )  # fmt: skip
    assert [(one.login, one.role, one.scope) for one in reading.company.staff] == [
        ("ana", "admin", ("company",)),
        ("bob", "triage", ("department:sales", "person:cy")),
    ]
    assert read(person("ana", secretary=f"uid=ana,{PEOPLE}"), assistants_triage=False).company.staff == ()


TYPO = {"mail": "name@@company.example"}


@pytest.mark.parametrize(
    ("boss", "assistant", "staff", "unread"),
    [
        pytest.param({}, {}, [("bob", ("person:cy",))], (), id="no typo"),
        pytest.param(TYPO, {}, [("bob", ("person:cy",))], (), id="of the boss"),
        pytest.param({}, TYPO, [], ("bob",), id="of the assistant"),
        pytest.param(TYPO, TYPO, [], ("bob",), id="of both"),
        pytest.param(TYPO, TYPO | {"pwdAccountLockedTime": "000001010000Z"}, [], (), id="who cannot sign in"),
        pytest.param({"secretary": b"\xff"}, {}, [], (), id="unreadable"),
    ],
)
def test_a_typo_takes_nobody_from_their_assistant(
    boss: dict[str, Any], assistant: dict[str, Any], staff: list[tuple[str, tuple[str, ...]]], unread: tuple[str, ...]
) -> None:
    found = read(person("bob", **assistant), person("cy", **({"secretary": f"uid=bob,{PEOPLE}"} | boss))).company
    assert ([(one.login, one.scope) for one in found.staff], found.unread_staff) == (staff, unread)


@pytest.mark.parametrize(
    ("entries", "setting", "notes"),
    [
        ((), {"staff_groups": (f"cn=desks,{GROUPS} => triage department:it person:cy own-department",)}, []),
        (
            (),
            {"staff_groups": (f"cn=Desk,{GROUPS} => triage company",)},
            [f"[directory] staff_groups: the directory shows us no group cn=desk,{GROUPS}: nobody has what this line gives"],
        ),
        (
            (),
            {"staff_groups": (f"cn=desks,{GROUPS} => triage department:salse person:cyy",)},
            [
                f"[directory] staff_groups: there is no department salse, whose mail the members of cn=desks,{GROUPS} shall see",
                f"[directory] staff_groups: there is no person cyy, whose mail the members of cn=desks,{GROUPS} shall see",
            ],
        ),
        (
            (person("dan", secretary=[f"uid=bob,{PEOPLE}", f"uid=bobb,{PEOPLE}"]), person("eve", secretary=f"uid=bobb,{PEOPLE}")),
            {},
            [f"secretary: uid=bobb,{PEOPLE} is nobody here, and sees nothing of the mail of dan; and 1 more"],
        ),
        ((person("dan", secretary=f"uid=bobb,{PEOPLE}"),), {"assistants_triage": False}, []),
    ],
)
def test_what_gives_nobody_a_right_is_told(entries: tuple[Entry, ...], setting: dict[str, Any], notes: list[str]) -> None:
    reading = read(person("bob"), person("cy", secretary=f"uid=bob,{PEOPLE}"), group("desks", "bob"), *entries, **setting)
    assert [str(one) for one in reading.notes] == notes


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"staff_groups": ("cn=x triage company",)}, "it has no role and scope; write GROUP-DN => ROLE SCOPE"),
        ({"staff_groups": ("cn=x => boss company",)}, "'boss' is not a valid Role"),
        ({"staff_groups": ("cn=x => triage galaxy",)}, "“galaxy” is not a scope"),
        ({"department": "nowhere"}, "department must be attribute:NAME, ou or group:DN"),
        ({"further_addresses": ("tickets",)}, r"further_addresses must be a list such as"),
        ({"roles": ("sales",)}, r'roles must be a list such as \["sales=info,orders"\]'),
    ],
)
def test_a_setting_of_no_use_is_an_error(setting: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        read(person("ana"), **setting)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["uid", "mail", "cn", "departmentNumber", "manager", "secretary", "member", "proxyAddresses"]),
            st.lists(
                st.one_of(st.binary(max_size=40), st.sampled_from([b"ana@company.example", b"it", f"uid=a,{PEOPLE}".encode()])), max_size=3
            ),
        ),
        max_size=6,
    )
)
def test_whatever_an_entry_holds_the_company_is_sound(values: list[dict[str, list[bytes]]]) -> None:
    entries = [person(f"p{number}", **one) for number, one in enumerate(values)]
    reading = read(
        *entries,
        *(group(f"g{number}", **one) for number, one in enumerate(values)),
        department=f"group:{GROUPS}" if len(values) % 2 else "",
        staff_groups=(f"cn=g0,{GROUPS} => triage own-department",),
    )
    codes = {one.code for one in reading.company.departments}
    addresses = [address for one in reading.company.people for address in (one.mailbox, *one.aliases)]
    assert len(addresses) == len(set(addresses))
    assert all(Address.parse(address).domain in COMPANY.domains for address in addresses)
    assert codes.issuperset(one.department for one in reading.company.people)
    assert codes.issuperset(one.department for one in reading.company.groups)
    assert len(entries) == len(reading.company.people) + sum(one.entry.startswith("uid=") for one in reading.refused)
