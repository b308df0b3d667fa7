"""Quellmark, a maker of water meters that does not exist: its people, departments, groups, staff and first sender rules."""

import json
from collections.abc import Iterator

from argon2 import PasswordHasher

from triage.addressing.company import CompanyDirectory, DepartmentEntry, GroupEntry, PersonEntry, StaffEntry
from triage.policy.rules.store import RuleOrder

NAME = "Quellmark"
DOMAIN = "company.example"
HOSTNAME = f"mx.{DOMAIN}"
FREEMAIL = ("mailpond.example", "funkbrief.example")
PASSWORD = "demo"  # of every member of staff; the demo listens on this machine only

DEPARTMENTS = (
    DepartmentEntry("exec", "Executive Office", f"executive-office@{DOMAIN}", ("office", "press")),
    DepartmentEntry("finance", "Finance", f"accounts-desk@{DOMAIN}", ("invoices",)),
    DepartmentEntry("hr", "People & Reception", f"people-desk@{DOMAIN}", ("jobs",)),
    DepartmentEntry("it", "IT", f"it-desk@{DOMAIN}", ("helpdesk",)),
    DepartmentEntry("legal", "Legal", f"legal-desk@{DOMAIN}", ("legal", "privacy")),
    DepartmentEntry("sales", "Sales", f"sales-desk@{DOMAIN}", ("info", "sales")),
)

ROLL = """
exec     helena.brandvik        Helena Brandvik
exec     tomas.havranek         Tomáš Havránek
exec     aminata.dialloroche    Aminata Diallo-Roche
exec     ben.okafor             Ben Okafor
exec     ingrid.ofaolain        Ingrid Ó Faoláin
finance  marek.wisniewski       Marek Wiśniewski
finance  chiara.bellandi        Chiara Bellandi
finance  soren.kjeldgaard       Søren Kjeldgaard
finance  thuha.dang             Đặng Thu Hà
finance  graham.pettifer        Graham Pettifer
finance  noor.vandalen          Noor van Dalen
finance  elodie.charbonnel      Élodie Charbonnel
finance  viktor.stoychev        Виктор Стойчев
hr       ana.kovacic            Ana Kovačić
hr       beatriz.figueira       Beatriz Figueira
hr       yusuf.celikkol         Yusuf Çelikkol
hr       anneliese.grunwaldt    Anneliese Grünwaldt
hr       keisha.thornbury       Keisha Thornbury
hr       pawel.zurek            Paweł Żurek
it       ida.lindqvist          Ida Lindqvist
it       ruben.falcao           Rúben Falcão
it       priya.raghunath        Priya Raghunath
it       jorg.weidemann         Jörg Weidemann
it       kaito.morimura         森村 海斗
it       zsofia.bartal          Zsófia Bartal
it       luc.tremblaux          Luc Tremblaux
it       danils.ozolnieks       Danils Ozolnieks
legal    otto.brandstatt        Otto Brandstätt
legal    fionnuala.keane        Fionnuala Keane
legal    leila.benmansor        Leïla Benmansor
legal    mateo.quirogas         Mateo Quirogas
legal    sunniva.haugland       Sunniva Haugland
sales    dario.montefusco       Dario Montefusco
sales    hanne.vestergard       Hanne Vestergård
sales    chloe.rivoire          Chloé Rivoire
sales    wenqing.li             李文清
sales    oluwaseun.adebanjo     Oluwaseun Adebanjo
sales    katarzyna.luczakowa    Katarzyna Łuczakowa
sales    rhys.pritchett         Rhys Pritchett
sales    maxi.olschlager        Maxi Ölschläger
"""
ALIASES = {
    "helena.brandvik": (f"ceo@{DOMAIN}", f"h.brandvik@{DOMAIN}"),
    "tomas.havranek": (f"tom@{DOMAIN}",),
    "ida.lindqvist": (f"ida@{DOMAIN}",),
    "dario.montefusco": (f"dario@{DOMAIN}",),
    "wenqing.li": (f"liwenqing@{DOMAIN}",),
}

GROUPS = (
    GroupEntry(
        f"all-sales@{DOMAIN}", "Everybody in Sales", "sales", ("dario.montefusco", "hanne.vestergard", "chloe.rivoire", "rhys.pritchett")
    ),
    GroupEntry(f"meter-repair@{DOMAIN}", "Meter repairs", "it", ("ruben.falcao", f"info@{DOMAIN}")),
)

STAFF = (
    StaffEntry("ana", "Ana Kovačić", "triage", ("company",)),
    StaffEntry("ben", "Ben Okafor", "triage", ("department:exec", "person:marek.wisniewski")),
    StaffEntry("ida", "Ida Lindqvist", "admin", ("company",), rights=("remove-delivered",)),
    StaffEntry("otto", "Otto Brandstätt", "auditor", ("company",)),
)

RULES = (  # what a company has after a few weeks; to be added once to a fresh demo
    RuleOrder("allow", "domain", "nordlicht-papier.example", "company", note="Packaging, framework contract"),
    RuleOrder("allow", "domain", "harbourbank.example", "department:finance", note="Our bank"),
    RuleOrder("allow", "domain", "dorn-partner.example", "department:legal", note="Outside counsel"),
    RuleOrder("allow", "address", "lena.grunwaldt@mailpond.example", "person:anneliese.grunwaldt", note="Family"),
    RuleOrder("allow", "domain", "orlow-haustechnik.example", "company", proof="aligned", note="Building services; publishes no DMARC"),
    RuleOrder("allow", "list", "meters.metering-forum.example", "company", proof="dkim:metering-forum.example", note="Standards list"),
    RuleOrder("block", "domain", "seo-rankers.test", "department:sales", note="Keeps writing after three times no"),
)


def list_people() -> tuple[PersonEntry, ...]:
    """Lists the people of Quellmark, in the order of `ROLL`."""
    lines = (line.split(maxsplit=2) for line in ROLL.strip().splitlines())
    return tuple(PersonEntry(uid, name, code, f"{uid}@{DOMAIN}", ALIASES.get(uid, ())) for code, uid, name in lines)


def make_directory() -> CompanyDirectory:
    """The whole directory, staff without passwords."""
    return CompanyDirectory(DEPARTMENTS, list_people(), STAFF, postmaster=f"ida.lindqvist@{DOMAIN}", groups=GROUPS)


def find_person(uid: str) -> PersonEntry:
    """Finds a person; KeyError when nobody has that uid."""
    return {entry.uid: entry for entry in list_people()}[uid]


def as_toml() -> str:
    """The directory as directory_sync reads it, with a fresh argon2id hash of the demo password (it is salted)."""
    hashed = PasswordHasher().hash(PASSWORD)  # of all: a hash takes a tenth of a second, and what it guards is printed
    lines = ["# The demo company. Written once by mailroom demo; edit it and run mailroom sync.", "", "[company]"]
    lines.append(f"postmaster = {quote_value(make_directory().postmaster)}")
    for department in DEPARTMENTS:
        lines += format_section(
            "department", code=department.code, name=department.name, mailbox=department.mailbox, roles=department.roles
        )
    for one in list_people():
        lines += format_section("person", uid=one.uid, name=one.name, department=one.department, mailbox=one.mailbox, aliases=one.aliases)
    for group in GROUPS:
        lines += format_section("group", address=group.address, name=group.name, department=group.department, members=group.members)
    for member in STAFF:
        lines += format_section(
            "staff", login=member.login, name=member.name, role=member.role, scope=member.scope, rights=member.rights, password_hash=hashed
        )
    return "\n".join(lines) + "\n"


def format_section(title: str, /, **values: str | tuple[str, ...]) -> Iterator[str]:
    """Formats a [[title]] entry of the directory file; empty values are left out."""
    yield from ("", f"[[{title}]]")
    yield from (f"{key} = {quote_value(value)}" for key, value in values.items() if value)


def quote_value(value: str | tuple[str, ...]) -> str:
    """A text or a list of texts in TOML; JSON's strings are a part of it."""
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
