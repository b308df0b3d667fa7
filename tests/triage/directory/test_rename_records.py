"""Renamed people: their records move to the new name, and nobody inherits another person's."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import JSON, Boolean, Column, Engine, String, Table, insert, select, update
from sqlmodel import Session, SQLModel, col
from sqlmodel.sql.sqltypes import AutoString

from tests.triage.arriving import ANA, COMPANY, IDA, NOW, SYNC, arrive
from tests.triage.compliance.privacy.test_data_subject import where_it_stands
from triage.access import staff_members
from triage.actor import Actor, Role
from triage.addressing.company import ConfidentialEntry, GroupEntry, PersonEntry, StaffEntry
from triage.addressing.envelope import Address
from triage.compliance.privacy import person_erasure
from triage.compliance.retention import legal_holds
from triage.config.settings import Company, Settings
from triage.directory import apply as directory, directory_rows, recipients, rename_records
from triage.directory.leaver_policy import Leaving
from triage.directory.renames import Renaming
from triage.errors import BadInput, Conflict, NotAllowed
from triage.policy.contacts.contact_evidence import Sent
from triage.policy.learning import learn_contacts
from triage.policy.rules import store as rules
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.decisions import approvals, decide as decisions
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.requests import announce_sender
from triage.quarantine.search import saved_searches
from triage.quarantine.search.saved_searches import Wish
from triage.quarantine.search.selection import Selection
from triage.store import db
from triage.store.models.approvals import PendingAct
from triage.store.models.audit import AuditRecord
from triage.store.models.columns import Instant
from triage.store.models.compliance import LegalHold
from triage.store.models.contacts import Contact
from triage.store.models.counts import CachedFolder
from triage.store.models.deliveries import Delivery
from triage.store.models.directory import FormerName, MailGroup, Person
from triage.store.models.rules import Rule
from triage.store.models.staff import StaffMember

HOUSE = Company(domains=("company.example",), hostname="mx.company.example")
MARA = replace(COMPANY.people[0], identity="A")
JOE = replace(COMPANY.people[1], identity="J")
LIND = replace(MARA, uid="mara.lind", name="Mara Lind", mailbox="mara.lind@company.example", aliases=(MARA.mailbox,))
OTHER = PersonEntry("mara.berg", "Mara Berg", "it", "mara.berg@company.example", identity="B")  # a namesake, in another department
BY_NAME = (
    *(
        (rename_records.UIDS, "{}"),
        (rename_records.LOGINS, "{}"),
        (rename_records.ACTORS, "person:{}"),
        (rename_records.FOLDERS, "person:{}"),
    ),
    *(
        (rename_records.ALERT_RECIPIENTS, "person:{}"),
        (rename_records.PEOPLE_LISTED, ["{}"]),
        (rename_records.FOLDERS_LISTED, ["company", "person:{}"]),
    ),
    (
        rename_records.ORDERS,
        {"select": {"person": "{}", "assigned_to": "{}", "handed_to": "{}", "any_of": [{"person": "{}"}]}, "rule": {"scope": "person:{}"}},
    ),
)
FORMS: dict[tuple[str, str], Any] = {(one.class_.__tablename__, one.key): form for columns, form in BY_NAME for one in columns} | {
    ("campaign", "about"): "it+{} news@shop.example shop.example",
    ("sealed", "name"): "{}",
    ("former_name", "now"): "{}",
}
TAKEN_ALONG = {*FORMS, ("delivery", "person")}

# Every other text in the tables, by the reason why it stays as it is: a name as people read it, or as it was then, or none at all.
STAYS = {
    "address_change": "address owner_shown claimant_shown state",
    "open_alert": "cause department words words_form",
    "api_token": "key_sha256 name grants client",
    "arrived": "department rule verdict",
    "attempt": "next_hop outcome reply reply_form",
    "audit_record": "by act subject detail digest previous sealed",  # what was said then
    "authenticator_app": "secret",
    "browser_pin": "browser_sha256 pin_hash",
    "page_anchor": "grouped key",
    "comment": "by_shown text",
    "shift_note": "by_shown text done_by_shown",
    "snooze": "by_shown",
    "push_subscription": "session_sha256 endpoint p256dh auth language kind",
    "webmail_link": "key_sha256 name client",
    "content": "sha256",
    "correspondent": "address department state how message_id subject_digest",
    "decision": "by_shown verb reason target second_by_shown confidential confirmed agreed "
    "idempotency_key",  # the target is a mailbox; what was agreed to is as it was then
    "decision_item": "before outcome why why_form",
    "delivery": "state recipient department mailbox listed detail note author author_domain author_name subject search proof proven_as "
    "marks forms signals why_here verdict rule reason beside withheld direction last_reply reply_form waits_for back_to passed_on_by "
    "language",
    "department": "code name mailbox roles",
    "domain_proof": "domain way by_shown day",
    "dmarc_report": "reporter report_id domain",
    "emergency": "reason by_shown",
    "employee_session": "key_sha256 client",
    "enforcement_step": "step by_shown reason",
    "escalation": "duty title reason by_shown confirmed_by_shown",
    "expectation": "person_shown sender words",
    "external_identity": "issuer sub provider",
    "failed_sign_in": "client",
    "familiar_domain": "domain key",
    "familiar_name": "name address",
    "former_mailbox": "address",
    "former_name": "kind name",
    "assignment": "to_shown by_shown note",
    "presence": "name",
    "keepers_request": "reason asked_by_shown state settled_by_shown results",
    "kept_answer": "key asked body",
    "cached_item": "language sender grouped pile key",
    "cached_folder": "department",
    "cached_total": "grouped",
    "cached_view": "name reached",  # upkeep makes the views of today's scopes, and drops the others
    "known_recipient": "address kind department mailbox",
    "legal_hold": "reason made_by_shown lifted_by_shown lifted_reason",
    "mail_group": "address name department external aliases",
    "mail_report": "person_shown department how author subject answered_by_shown verdict words",
    "outside_report": "lane origin by by_shown department key how author subject answer_to answered_by_shown verdict words",
    "mail_request": "asked_by_shown recorded_by_shown words declined_by_shown reason",
    "marker": "name text",
    "message": "client dmarc dmarc_policy signal_names named_id list_id reply_to text envelope authentication summary signals",
    "message_file": "sha256 names",
    "message_link": "domain said",
    "message_words": "words",
    "mirror_copy": "account folder digest alike act",
    "not_learned": "day how reason department",
    "notice": "sender about kind text",
    "outbound_brake": "department state by_shown reason",
    "outbound_run": "department by_shown reason",
    "passkey": "credential_id public_key name",
    "pending_act": "kind needs items fence reason asked_by_shown state settled_by_shown settled_reason idempotency_key",
    "person": "name department mailbox aliases leaver identity",
    "person_erasure": "address pseudonym reason asked_by_shown second_by_shown",
    "posted_list": "address list_id signer",
    "known_message": "expected mailbox given",
    "practice_answer": "message expected given",
    "preference": "chosen",
    "proposal": "kind match value proof evidence state lane_shown answered_by_shown",
    "queue_sample": "department",
    "recalled": "folder name flags",
    "recovery_code": "code_sha256",
    "refused_message": "recipient listed reverse_path client reply",
    "hunted_message": "mailbox folder name author subject outcome",
    "related_mail": "mailbox folder name author subject",
    "rule": "effect match value conditions proof author origin note recipient doubt doubt_form",  # the author as people read it
    "saved_search": "by_shown name q tab department",
    "sealed": "kind",
    "seeded_folder": "source account folder since validity last",
    "sender_check": "name day",
    "sender_checked": "name day sender",
    "sending_service": "domain name proof",
    "sent_mail": "message_id uid department author went_to skipped",
    "sign_in_step": "key_sha256 kind client about",  # a row lives for minutes
    "staff_member": "name role rights password_hash source printed_code_sha256 unlinked_from",
    "staff_session": "key_sha256 browser_sha256 client before_client method provider provider_sid",
    "start_list": "version text by_shown",
    "start_list_act": "category version domains rule_ids by_shown undone_by_shown",
    "substitution": "reason",
    "swept_mailbox": "mailbox why why_form",
    "sent_alert": "cause department",
    "touched": "author department",
    "viewing": "by place stands_in_for",  # a row lives for minutes
    "wanted_trait": "day",
    "webhook": "name last_reply",
    "webhook_call": "hook event kind body",
}


@pytest.fixture
def session(engine: Engine, settings: Settings) -> Iterator[Session]:
    """On each kind of database: a company whose directory says who everybody is."""
    with db.transaction(engine) as session:
        take_over(session, MARA, JOE)
        yield session


def take_over(session: Session, *people: PersonEntry, **how: Any) -> directory.Applied:
    staff = how.pop("staff", COMPANY.staff)
    said = replace(COMPANY, people=(*people, COMPANY.people[2]), staff=staff, sealed=how.pop("sealed", ()))
    return directory.apply_directory(session, said, HOUSE, by=SYNC, **{"now": NOW} | how)


def test_every_text_of_the_tables_is_taken_along_or_stays_for_a_reason() -> None:
    texts = {(table.name, one.name) for table in SQLModel.metadata.tables.values() for one in table.columns if holds_text(one)}
    stays = {(table, name) for table, names in STAYS.items() for name in names.split()}
    assert (texts - TAKEN_ALONG - stays, (TAKEN_ALONG | stays) - texts, TAKEN_ALONG & stays) == (set(), set(), set())


def holds_text(one: Column[Any]) -> bool:
    return isinstance(one.type, JSON | String | AutoString)


def test_what_two_people_had_is_the_others_when_they_swap_names(session: Session, settings: Settings) -> None:
    messages = [arrive(session, settings, MARA.mailbox)[0], arrive(session, settings, JOE.mailbox)[0]]
    tables = [SQLModel.metadata.tables[name] for name in sorted({table for table, _ in FORMS})]
    for table in tables:
        session.execute(insert(table), [filled(table, number, name, messages) for number, name in enumerate(("lea", "tom"))])
    swap = {"lea": "tom", "tom": "lea"}
    rename_records.carry_records(session, Renaming(swap, swap), by=SYNC, now=NOW)
    for table in tables:
        found = [dict(row) for row in session.execute(select(table)).mappings()]
        for number, name in enumerate(("tom", "lea")):
            assert filled(table, number, name, messages) in found, table.name


def filled(table: Table, number: int, name: str, messages: list[int]) -> dict[str, Any]:
    """A row of which only the names matter."""
    row: dict[str, Any] = {}
    for one in table.columns:
        form = FORMS.get((table.name, one.name))
        if form is not None:
            row[one.name] = with_name(form, name)
        elif one.foreign_keys:
            row[one.name] = messages[number]
        elif (table.name, one.name) in (("sealed", "kind"), ("former_name", "kind")):
            row[one.name] = "person"
        elif isinstance(one.type, Instant):
            row[one.name] = NOW
        elif isinstance(one.type, Boolean):
            row[one.name] = False
        else:
            row[one.name] = (
                f"row {number}" if isinstance(one.type, String | AutoString) else [] if isinstance(one.type, JSON) else number + 1
            )
    return row


def with_name(form: Any, name: str) -> Any:
    if isinstance(form, str):
        return form.format(name)
    return {key: with_name(one, name) for key, one in form.items()} if isinstance(form, dict) else [with_name(one, name) for one in form]


def everything(session: Session, settings: Settings) -> tuple[int, ...]:
    """Mara leaves traces everywhere; her held messages."""
    staff = (*COMPANY.staff, StaffEntry("mara.berg", "Mara Berg", "triage", ("person:joe.fern", "person:mara.berg")))
    take_over(
        session,
        MARA,
        replace(JOE, assistants=("mara.berg",), manager="mara.berg"),
        staff=staff,
        sealed=(ConfidentialEntry("person:mara.berg", ("mara.berg",)),),
    )
    her = staff_members.find_staff_actor(session, "mara.berg", NOW)
    assert her is not None
    ids = [arrive(session, settings, to)[0] for to in ("legal+mara.berg@company.example", MARA.mailbox, *MARA.aliases)]
    rules.add_rule(session, RuleOrder("allow", "address", "a@dell.example", "person:mara.berg"), by=her, now=NOW, settings=settings)
    rules.add_rule(
        session, RuleOrder("redirect", "address", "b@dell.example", "company", to="mara.berg"), by=IDA, now=NOW, settings=settings
    )
    legal_holds.add_hold(session, by=IDA, reason="case 12", now=NOW, person="mara.berg")
    legal_holds.add_hold(session, by=IDA, reason="case 13", now=NOW, selected=Selection.of(person="mara.berg", q="invoice"))
    announce_sender.expect_sender(session, "c@dell.example", by=Actor.employee("mara.berg", "Mara Berg"), now=NOW, settings=settings)
    sent = Sent(MARA.mailbox, ("d@dell.example",), MARA.mailbox, NOW, message_id="1@company.example")
    learn_contacts.learn_many(session, [sent], how="outbound", settings=settings, by=SYNC, now=NOW)
    saved_searches.save_search(session, Wish("mine", q="invoice", person="mara.berg", shared_with="person:mara.berg"), by=her, now=NOW)
    decisions.decide_messages(
        session, DecisionRequest(Selection.of(person="mara.berg", ids=(ids[2],)), Verb.PURGE), by=her, now=NOW, settings=settings
    )
    return tuple(ids)


def test_a_marriage_takes_everything_along(session: Session, settings: Settings) -> None:
    ids = everything(session, settings)
    staff = (*COMPANY.staff, StaffEntry("mara.lind", "Mara Lind", "triage", ("person:joe.fern", "person:mara.lind")))
    joe = replace(JOE, assistants=("mara.lind",), manager="mara.lind")
    applied = take_over(session, LIND, joe, staff=staff, sealed=(ConfidentialEntry("person:mara.berg", ("mara.berg",)),))
    assert [str(change) for change in applied.plan.changes] == [
        "mara.berg gets another uid: mara.lind",
        "mara.lind is renamed: from Mara Berg to Mara Lind",
        "mara.lind gets another mailbox: mara.lind@company.example instead of mara.berg@company.example",
        "mara.lind loses addresses: m.berg@company.example",
        "mara.lind gets addresses: mara.lind@company.example",
        "staff mara.lind: changed",
    ]
    assert where_it_stands(session, "mara.berg") <= {
        "audit_record",
        "delivery",
        "former_mailbox",
        "former_name",
        "known_recipient",
        "message",
        "person",
        "sealed",
    }
    assert [(one.person, one.held) for one in session.scalars(select(CachedFolder))] == [("mara.lind", 2)]
    messages = session.scalars(select(Delivery).order_by(col(Delivery.id))).all()
    assert {(one.department, one.person) for one in messages} == {("legal", "mara.lind")}
    her = staff_members.find_staff_actor(session, "mara.lind", NOW)
    assert her is not None
    assert staff_members.find_staff_actor(session, "mara.berg", NOW) is None
    decisions.decide_messages(session, DecisionRequest(Selection(ids=ids[:2]), Verb.RELEASE), by=her, now=NOW, settings=settings)
    assert [session.get_one(Delivery, one, populate_existing=True).mailbox for one in ids[:2]] == [LIND.mailbox] * 2
    assert [one.scope for one in session.scalars(select(Rule).where(col(Rule.effect) == "allow"))] == ["person:mara.lind"]
    assert [one.target for one in session.scalars(select(Rule).where(col(Rule.effect) == "redirect"))] == ["person:mara.lind"]
    assert [(one.person, one.selection.get("person")) for one in session.scalars(select(LegalHold).order_by(col(LegalHold.id)))] == [
        ("mara.lind", None),
        ("", "mara.lind"),
    ]
    assert session.scalars(select(col(Contact.person))).all() == ["mara.lind"]
    assert [one.mine for one in saved_searches.list_searches(session, by=her)] == [True]
    seals = directory_rows.read_directory(session).sealed
    assert seals == (ConfidentialEntry("person:mara.lind", ("mara.lind",)),), "settings that name her as before seal her, and open to her"
    told = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "rename-person")).all()
    assert [(one.subject, one.detail) for one in told] == [("employee:mara.lind", {"was": "mara.berg"})]


def test_mail_to_the_old_name_goes_to_who_had_it_until_somebody_else_has(session: Session, settings: Settings) -> None:
    take_over(session, LIND, JOE)
    old = resolved(session, "legal+mara.berg@company.example")
    assert (old.person, old.mailbox) == ("mara.lind", LIND.mailbox)
    assert old.note == "It was addressed to legal+mara.berg: Mara Lind has another address now."
    assert resolved(session, "mara.berg@company.example").person == "mara.lind", "it is an alias of hers"
    take_over(session, replace(LIND, aliases=()), JOE, OTHER)
    assert resolved(session, "mara.berg@company.example").person == "mara.berg"
    assert resolved(session, "it+mara.berg@company.example").person == "mara.berg"
    assert resolved(session, "legal+mara.berg@company.example").person == "mara.lind", "nobody else was called so there"


def resolved(session: Session, address: str) -> Any:
    return recipients.resolve_address(session, Address.parse(address), HOUSE)


@pytest.mark.parametrize("to", ["legal+mara.berg@company.example", "mara.berg@company.example", "mara.berg+shop@company.example"])
@pytest.mark.parametrize("at_once", [True, False])
def test_who_gets_a_name_later_gets_no_mail_of_who_had_it(session: Session, settings: Settings, to: str, at_once: bool) -> None:
    (held,) = arrive(session, settings, to)
    namesake = replace(OTHER, department="legal")
    if not at_once:
        take_over(session, LIND, JOE)
    take_over(session, replace(LIND, aliases=()), JOE, namesake)
    (new,) = arrive(session, settings, to, author="b@dell.example")
    decisions.decide_messages(session, DecisionRequest(Selection(ids=(held, new)), Verb.RELEASE), by=ANA, now=NOW, settings=settings)
    rows = [session.get_one(Delivery, one, populate_existing=True) for one in (held, new)]
    assert [(one.person, one.mailbox) for one in rows] == [("mara.lind", LIND.mailbox), ("mara.berg", OTHER.mailbox)]


@pytest.mark.parametrize(
    ("days", "back", "kept"),
    [
        pytest.param(200, OTHER, "mara.berg~1", id="a namesake, much later"),
        pytest.param(10, replace(OTHER, name="Mara Oyen"), "mara.berg~1", id="somebody of another name, soon"),
        pytest.param(10, OTHER, "mara.berg", id="herself, with an account that was made anew"),
        pytest.param(200, replace(OTHER, identity="A"), "mara.berg", id="herself, much later"),
    ],
)
def test_what_a_leaver_had_is_theirs_when_they_are_back(
    session: Session, settings: Settings, days: int, back: PersonEntry, kept: str
) -> None:
    (held,) = arrive(session, settings, MARA.mailbox)
    rules.add_rule(session, RuleOrder("allow", "address", "a@dell.example", "person:mara.berg"), by=ANA, now=NOW, settings=settings)
    take_over(session, JOE)
    applied = take_over(session, JOE, back, now=NOW + timedelta(days=days), leaving=Leaving(days=90))
    assert session.scalars(select(col(Rule.scope))).all() == [f"person:{kept}"]
    request = DecisionRequest(Selection(ids=(held,)), Verb.RELEASE)
    if "~" in kept:
        with pytest.raises(Conflict, match="somebody else has the name now"):
            decisions.decide_messages(session, request, by=ANA, now=NOW, settings=settings)
    else:
        decisions.decide_messages(session, request, by=ANA, now=NOW, settings=settings)
    row = session.get_one(Delivery, held, populate_existing=True)
    assert (row.person, row.mailbox) == (kept, f"{kept}@company.example"), "never to who has the name now"
    assert session.get_one(Person, "mara.berg").active
    given = [str(change) for change in applied.plan.changes if "somebody else" in str(change)]
    assert given == ([f"mara.berg loses the uid to somebody else and is renamed: {kept}"] if "~" in kept else [])
    if "~" in kept:
        again = replace(MARA, uid="m.berg2", mailbox="m.berg2@company.example", aliases=())
        take_over(session, JOE, back, again, now=NOW + timedelta(days=days + 1))
        assert session.scalars(select(col(Rule.scope))).all() == ["person:m.berg2"], "nothing was lost: back by her identity"


def crowd(number: int, uid: str = "p{}", identity: str = "{}") -> list[PersonEntry]:
    return [
        PersonEntry(uid.format(one), f"P {one}", "it", f"p{one}@company.example", identity=identity.format(one)) for one in range(number)
    ]


@pytest.mark.parametrize(
    ("after", "says"),
    [
        pytest.param(crowd(60, uid="q{}"), "change the uid of 60 of 62 people", id="everybody has another name"),
        pytest.param(crowd(60, identity="x{}"), "change the identity of 60 of 62 people", id="the directory was set up anew"),
    ],
)
def test_very_many_at_once_are_not_believed_unless_it_is_meant(
    session: Session, settings: Settings, after: list[PersonEntry], says: str
) -> None:
    take_over(session, MARA, JOE, *crowd(60))
    (held,) = arrive(session, settings, "p59@company.example")
    with pytest.raises(BadInput, match=says):
        take_over(session, MARA, JOE, *after)
    take_over(session, MARA, JOE, *after, confirmed=True)
    assert session.get_one(Delivery, held, populate_existing=True).person == after[59].uid
    assert session.get_one(Person, after[59].uid).identity == after[59].identity


def test_a_directory_that_was_set_up_anew_and_writes_names_otherwise_has_the_same_people_where_somebody_says_so(
    session: Session, settings: Settings
) -> None:
    take_over(session, MARA, JOE, *crowd(20))
    anew = [replace(one, name=f"{one.name} (IT)") for one in crowd(20, identity="x{}")]
    with pytest.raises(BadInput, match="give the uids of 20 of 22 people to somebody else"):
        take_over(session, MARA, JOE, *anew)
    applied = take_over(session, MARA, JOE, *anew, same_people=True)
    assert {change.kind.value for change in applied.plan.changes} == {"is renamed"}
    assert session.get_one(Person, "p7").identity == "x7"
    assert take_over(session, MARA, JOE, *anew).plan.changes == ()


def test_whose_entry_cannot_be_taken_under_another_name_stays_as_they_were(session: Session) -> None:
    everybody = GroupEntry("all@company.example", "All", "it", ("mara.lind", "joe.fern"))
    said = replace(COMPANY, people=(JOE,), groups=(everybody,), unread=("mara.lind",), unread_identities=("A",))
    directory.apply_directory(session, said, HOUSE, by=SYNC, now=NOW)
    assert session.get_one(Person, "mara.berg").active
    assert session.get_one(MailGroup, everybody.address).members == ["mara.berg", "joe.fern"]


def test_who_asked_under_another_name_does_not_turn_the_second_key(session: Session, settings: Settings) -> None:
    admin = StaffEntry("mara.berg", "Mara Berg", "admin", ("company",))
    settings = replace(settings, policy=replace(settings.policy, approvals=("domain-allow",)))
    take_over(session, MARA, JOE, staff=(*COMPANY.staff, admin))
    her = Actor.person("mara.berg", Role.ADMIN, IDA.scope, "Mara Berg")
    asked = approvals.add_rule(session, RuleOrder("allow", "domain", "dell.example", "company"), by=her, now=NOW, settings=settings)
    assert isinstance(asked, PendingAct)
    take_over(session, LIND, JOE, staff=(*COMPANY.staff, replace(admin, login="mara.lind", name="Mara Lind")))
    again = staff_members.find_staff_actor(session, "mara.lind", NOW)
    assert again is not None
    with pytest.raises(NotAllowed, match="somebody else has to approve"):
        approvals.confirm_approval(session, asked.id, by=again, now=NOW, settings=settings)


def test_what_was_entered_under_the_old_name_at_that_moment_goes_along(session: Session, settings: Settings) -> None:
    take_over(session, LIND, JOE)
    (late,) = arrive(session, settings, LIND.mailbox)
    session.execute(update(Delivery).where(col(Delivery.id) == late).values(person="mara.berg"))  # as another node read it
    made = rules.add_rule(session, RuleOrder("allow", "address", "a@dell.example", "person:mara.lind"), by=ANA, now=NOW, settings=settings)
    made.scope = "person:mara.berg"
    session.flush()
    assert take_over(session, replace(LIND, aliases=()), JOE, OTHER).moved == 1
    assert session.get_one(Delivery, late, populate_existing=True).person == "mara.lind"
    assert session.get_one(Rule, made.id, populate_existing=True).scope == "person:mara.berg~1", "not for who is called so now"


def test_a_name_that_comes_back_is_no_former_one(session: Session) -> None:
    take_over(session, LIND, JOE)
    take_over(session, MARA, JOE)
    names = session.execute(select(col(FormerName.kind), col(FormerName.name), col(FormerName.now)).order_by(col(FormerName.kind))).all()
    assert [tuple(one) for one in names] == [("person", "mara.lind", "mara.berg"), ("staff", "mara.lind", "mara.berg")]


def test_an_account_of_ours_keeps_its_login_and_looks_after_the_same_person(session: Session) -> None:
    session.add(StaffMember(login="mara.berg", name="Mara", role="triage", scope=["person:mara.berg"], password_hash="x", source="local"))
    session.flush()
    take_over(session, LIND, JOE)
    own = session.get_one(StaffMember, "mara.berg", populate_existing=True)
    assert own.scope == ["person:mara.lind"]


def test_what_somebody_was_called_is_forgotten_with_them(session: Session, settings: Settings) -> None:
    take_over(session, LIND, JOE)
    assert session.scalars(select(FormerName)).first() is not None
    take_over(session, JOE)
    begun = person_erasure.begin_erasure(session, "mara.lind", by=IDA, reason="case 12", now=NOW, settings=settings)
    while person_erasure.carry_on(session, begun.id, now=NOW):
        pass
    assert session.scalars(select(FormerName)).first() is None
    assert where_it_stands(session, "mara.berg") <= {"audit_record"}
