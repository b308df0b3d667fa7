"""Doctor checks of the mirror, and of employees' messages to Mailroom."""

from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy import select
from sqlmodel import col

from mailboxes.imap import imap_login
from mailboxes.mailbox import Unreachable
from mailboxes.mirror import mirror_role
from mailboxes.mirror.mirror_account import NO_UIDPLUS
from mailboxes.mirror.mirror_folders import Account
from triage.access import staff_members
from triage.access.scope import DECIDING
from triage.config.settings import Mirror, Settings
from triage.delivery import partner_answers
from triage.errors import BadInput, Refused
from triage.store import db
from triage.store.models.directory import Department, KnownRecipient
from triage.times import utcnow
from triage_cli.client.local_setup import database_of
from triage_cli.doctor.finding import FAIL, OK, WARN, Finding
from triage_cli.doctor.network_checks import PATIENCE

WHAT = "mirror"
PARTNERS = "partners"


def check_mirror(settings: Settings) -> Iterator[Finding]:
    """Does the sign-in to each account of the mirror work, and is a staff member named for it?"""
    way = mirror_role.with_server(settings).mirror
    if not (way.departments or way.staff):
        return
    if settings.company.plain:
        yield Finding(WARN, WHAT, "in plain mode nothing is held, so nothing is mirrored", "switch company.plain or mirror.departments off")
        return
    try:
        accounts = mirror_role.mirror_accounts(way)
        imap_login.check_login_settings(way)
        codes = department_codes(settings)
    except BadInput as fault:
        yield Finding(FAIL, WHAT, str(fault), "correct [mirror] (docs/how-to/mail-clients.md)")
        return
    for one in accounts:
        if one.department and one.department not in codes:
            yield Finding(
                FAIL, WHAT, f"there is no department {one.department}", f"there are {', '.join(sorted(codes))}: correct mirror.departments"
            )
        yield from check_actor(settings, one)
        yield check_login(way, one)


def department_codes(settings: Settings) -> set[str]:
    """The codes of all departments. BadInput when the database is not in order."""
    with database_of(settings) as engine, db.read_transaction(engine) as session:
        return set(session.scalars(select(col(Department.code))))


def check_actor(settings: Settings, account: Account) -> Iterator[Finding]:
    """Checks that the account belongs to a member of staff who may decide."""
    with database_of(settings) as engine, db.read_transaction(engine) as session:
        actor = staff_members.find_staff_actor(session, account.login, utcnow())
    if actor is None or actor.role not in DECIDING:
        words = f"{account.login}, who acts in {account.address}, may not decide: moves there have no effect"
        yield Finding(FAIL, WHAT, words, "name a login of `mailroom staff list` in mirror.act_as or mirror.staff")


def check_login(way: Mirror, account: Account) -> Finding:
    """Checks that we can sign in to the account over IMAP and that its server has UIDPLUS."""
    try:
        client = imap_login.open_session(replace(way, timeout=min(way.timeout, int(PATIENCE))), account.address)
        try:
            expunges = client.has_capability("UIDPLUS") or client.has_capability("IMAP4rev2")
        finally:
            imap_login.hang_up(client)
    except (Refused, Unreachable) as fault:
        return Finding(FAIL, WHAT, f"{account.address}: {fault}", "check [mirror]: until then nothing is shown or decided there")
    if not expunges:
        return Finding(FAIL, WHAT, NO_UIDPLUS, "use a server that has it")
    return Finding(OK, WHAT, f"{way.imap} accepts our sign-in to {account.address}")


def written_to_us(settings: Settings) -> Iterator[Finding]:
    """Can employees, and only they, reach the addresses for reports and expected senders?"""
    named = {"report_address": settings.outbound.report_address, "expect_address": settings.outbound.expect_address}
    for name, address in named.items():
        if not address:
            continue
        what, where = "employees", f"outbound.{name}"
        if address.rpartition("@")[2].casefold() not in settings.own_domains:
            yield Finding(FAIL, what, f"{where}: {address} is in none of our domains", "name an address of company.domains")
        elif not settings.takes_outbound:
            yield Finding(FAIL, what, f"{where}: no server may submit messages", "set outbound.networks (docs/how-to/outgoing-mail.md)")
        elif is_known(settings, address) and not (name == "report_address" and settings.partner_addresses):
            words = f"{where}: {address} is also in the directory, so messages from outside to it are accepted and held"
            yield Finding(WARN, what, words, "remove it from the directory: only the internal server uses it")


def reporting_partners(settings: Settings) -> Iterator[Finding]:
    """Can partner companies report, and none in whose name anybody could, and do they hear of it?"""
    named = frozenset(settings.outbound.report_partners)
    if not named:
        return
    if not settings.outbound.report_address:
        yield Finding(FAIL, PARTNERS, "outbound.report_partners: there is no address for reports", "set outbound.report_address")
    for domain in sorted(named - settings.report_partners):
        words = f"outbound.report_partners: {domain} is one of yours, or anybody can have an address there: no report is taken from it"
        yield Finding(FAIL, PARTNERS, words, "name domains of companies that you work with")
    if not partner_answers.has_way_out(settings):
        words = "outbound.report_partners: no server takes messages to the outside, so partners get no answer"
        yield Finding(WARN, PARTNERS, words, "set relay.smarthost")


def is_known(settings: Settings, address: str) -> bool:
    """Whether the directory names an address. No, where the database is not in order: that has a finding of its own."""
    try:
        with database_of(settings) as engine, db.read_transaction(engine) as session:
            return session.get(KnownRecipient, address.casefold()) is not None
    except BadInput:
        return False
