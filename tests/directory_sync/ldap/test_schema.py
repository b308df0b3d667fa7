"""The presets against a server that holds such entries: Active Directory as far as OpenLDAP can play it, and the corpus's companies."""

import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from directory_sync.ldap.ldap_source import LdapSource
from tests.directory_sync.entries import GROUPS, PEOPLE, entry, ldif
from tests.peers.slapd import BASE, MANAGER, PASSWORD, Slapd, start_slapd
from triage.addressing.company import PersonEntry, StaffEntry
from triage.config.settings import Company, Directory

COMPANY = Company(domains=("company.example",), hostname="mx.company.example")
AD_SCHEMA = Path(__file__).parents[2] / "peers" / "active_directory.schema"


def settings(server: Slapd, **values: object) -> Directory:
    (server.directory / "password").write_text(PASSWORD)
    given = {"bind_dn": MANAGER, "password_file": str(server.directory / "password"), "base": BASE, "postmaster": "ana@company.example"}
    return Directory(source="ldap", url=server.url, tls_ca=str(server.ca), **(given | values))  # type: ignore[arg-type]


def user(name: str, number: int, **values: object) -> object:
    return entry(
        f"cn={name},{PEOPLE}",
        **{
            "objectClass": "user",
            "objectCategory": "person",
            "cn": name,
            "sn": name,
            "displayName": name,
            "sAMAccountName": name[:3].lower(),
            "objectGUID": number.to_bytes(16, "little"),
            "uSNChanged": str(number),
            "userAccountControl": "512",
            "mail": f"{name.lower().replace(' ', '.')}@company.example",
            "department": "Sales",
        }
        | values,
    )


@pytest.mark.peers
def test_active_directory() -> None:
    entries = [
        user("Ana Kovac", 9, proxyAddresses=["SMTP:ana.kovac@company.example", "smtp:ana@company.example", "X400:c=x"]),
        user("Bo Li", 10, manager=f"CN=Ana Kovac,{PEOPLE}", assistant=f"cn=Ana Kovac,{PEOPLE}", userAccountControl="514"),
        user("Info", 13, userAccountControl="514", msExchRecipientTypeDetails="4"),
        entry(f"cn=Desk,{GROUPS}", objectClass="group", cn="Desk", objectGUID=b"\0\1", uSNChanged="11", member=[f"cn=Ana Kovac,{PEOPLE}"]),
        entry(f"cn=Near,{GROUPS}", objectClass="msExchDynamicDistributionList", cn="Near", uSNChanged="14", mail="near@company.example"),
        entry(
            f"cn=Everybody,{GROUPS}", objectClass="group", cn="Everybody", objectGUID=b"\0\2", uSNChanged="12",
            mail="all@company.example", member=[f"cn=Desk,{GROUPS}", f"cn=Bo Li,{PEOPLE}"], managedBy=f"cn=Bo Li,{PEOPLE}",
            msExchRequireAuthToSendTo="TRUE",
        ),
    ]  # fmt: skip
    with start_slapd(ldif(*entries), schemas=[AD_SCHEMA]) as server:  # type: ignore[arg-type]
        source = LdapSource(settings(server, preset="ad", staff_groups=(f"cn=desk,{GROUPS} => triage company",)), COMPANY)
        found = source.read().company
        assert tuple(replace(one, identity="") for one in found.people) == (
            PersonEntry("ana.kovac", "Ana Kovac", "sales", "ana.kovac@company.example", ("ana@company.example",), login="ana"),
            PersonEntry("info", "Info", "sales", "info@company.example", (), login="inf"),
            PersonEntry("bo.li", "Bo Li", "sales", "bo.li@company.example", (), False, "ana.kovac", ("ana.kovac",), login="bo"),
        )
        assert found.staff == (StaffEntry("ana", "Ana Kovac", "triage", ("company",)),)
        assert [(one.address, one.members, one.expand, one.closed) for one in found.groups] == [
            ("all@company.example", ("ana.kovac", "bo.li"), True, True),
            ("near@company.example", (), False, False),
        ]
        server.modify(
            f"dn: cn=Bo Li,{PEOPLE}\nchangetype: modify\nreplace: uSNChanged\nuSNChanged: 100\n-\nreplace: department\ndepartment: R&D\n"
        )
        assert [one.department for one in source.read().company.people] == ["sales", "sales", "r-d"]
        married = "replace: uSNChanged\nuSNChanged: 101\n-\nreplace: mail\nmail: ana.li@company.example\n"
        server.modify(f"dn: cn=Ana Kovac,{PEOPLE}\nchangetype: modify\n{married}")
        renamed = source.read().company.people
        assert [one.uid for one in renamed] == ["ana.li", "info", "bo.li"]
        assert [one.identity for one in renamed] == [one.identity for one in found.people]


CORPUS = {  # file: its archive, its base, settings, people, addresses that are refused or left out, groups
    "planetexpress.ldif": (
        "directory.tar.gz",
        "dc=planetexpress,dc=com",
        {"department": "attribute:ou", "group_filter": "(objectClass=group)"},
        7,
    ),
    "enron-staff.ldif": ("directory.tar.gz", "dc=enron,dc=com", {}, 17),
    "example-airius-GPL3.ldif": ("directory-gpl3.tar.gz", "dc=example,dc=com", {"department": "attribute:ou"}, 150),
}


@pytest.mark.peers
@pytest.mark.corpus
@pytest.mark.parametrize("name", CORPUS)
def test_companies_that_others_published_load(corpus: Path, name: str) -> None:
    archive, base, given, people = CORPUS[name]
    with start_slapd(loadable(read(corpus / archive, name), base), base=base, schemas=[AD_SCHEMA]) as server:
        domain = base.removeprefix("dc=").replace(",dc=", ".")
        source = LdapSource(settings(server, base=base, bind_dn=f"cn=manager,{base}", **given), Company(domains=(domain,), hostname="mx"))
        reading = source.read()
        assert len(reading.company.people) == people
        assert {why.what for why in reading.refused} <= {"it has no mail address"}


def read(archive: Path, name: str) -> str:
    """A file of the corpus."""
    with tarfile.open(archive) as tar:
        (member,) = [one for one in tar.getmembers() if one.name.endswith("/" + name)]
        file = tar.extractfile(member)
        assert file is not None
        return file.read().decode()


def loadable(ldif: str, base: str) -> str:
    """Drop the parts that OpenLDAP has no schema for: access rules and limits of another server."""
    unfolded = ldif.replace("\n ", "")
    kept = [
        line
        for line in unfolded.splitlines()
        if not line.startswith(("#", "version", "aci", "nsTimeLimit", "nsSizeLimit", "nsLook", "nsIdle"))
    ]
    trunk = f"dn: {base}\nobjectClass: dcObject\nobjectClass: organization\no: x\ndc: {base.split('=')[1].split(',')[0]}\n\n"
    return "\n".join(kept) + "\n" if f"dn: {base}\n" in unfolded else trunk + "\n".join(kept) + "\n"
