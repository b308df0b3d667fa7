"""Sender rules: who said yes or no to whom, within which scope, for which proof. Make, change, remove, count, list."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, bindparam, case, func, literal, not_, or_, select, update
from sqlmodel import Session, SQLModel, col

from triage.access import confidential_folders, dual_control, scope as access
from triage.actor import Actor
from triage.addressing.envelope import ancestor_domains
from triage.config.settings import Settings
from triage.errors import NotFound, NotYet, Stale
from triage.ids import format_id
from triage.policy import copies
from triage.policy.content_rules.conditions import as_conditions
from triage.policy.facts import BY_STAFF
from triage.policy.known_senders import domain_proofs
from triage.policy.rules import content_store, rule_warnings
from triage.policy.rules.rule_request import CONTENT, SAYS, RuleOrder as RuleOrder, as_row, check_order, rule_end
from triage.policy.rules_in_force import VERSION as VERSION, exists_at, in_force as in_force
from triage.say import form_of, say
from triage.store import ledger, versions
from triage.store.db import UNSEEN, OneOf, columns_of, insert_all, is_among
from triage.store.domain_index import of_domain
from triage.store.models.deliveries import Delivery
from triage.store.models.rules import Rule
from triage.store.provable_rows import rows_found
from triage.store.provable_rows.row_digests import RULE
from triage.times import to_micros

LEARNED, IMPORTED, STANDING, REMOVAL = "learned", "import", "standing", "removal"  # origins beside staff's own
DAY = 86_400_000_000  # microseconds
CHANGEABLE = ("proof", "note", "risky", "unchecked", "encrypted", "lapse_days", "unproven_only", "unsigned_only")  # and until
TABLE = SQLModel.metadata.tables["rule"]


def add_rule(
    session: Session,
    order: RuleOrder,
    *,
    by: Actor,
    now: datetime,
    settings: Settings,
    origin: str = "staff",
    decision_id: int | None = None,
    second: Actor | None = None,
    confirmed: Sequence[str] = (),
) -> Rule:
    """Make a rule. ApprovalNeeded where the company wants two keys for it and no `second` person has turned theirs.

    An equal one that is in force is kept and returned, with the later end of the two; one that was learned is none to staff.
    `confirmed`: names of a second look, for the record.
    """
    access.may_make_rule(session, by, order.scope)
    order = check_order(session, order, settings)
    until = rule_end(order, now)
    dual_control.require_proof_of_rule(order.effect, order.match, order.scope, by)
    dual_control.require_second_person(dual_control.of_rules([order], settings), by, second)
    versions.advance_version(session, VERSION)  # first: its row makes two who ask for the same rule wait for each other
    if order.match == CONTENT and (named := content_store.make_room(session, order, origin, by=by, now=now)) is not None:
        return named
    if (twin := twin_of(session, order, origin, now)) is not None:
        widen_rule(session, twin, replace(order, until=until), by=by, now=now)
        return twin
    doubt = rule_warnings.warn_about_rule(session, order, by=by, settings=settings, now=now)
    rule = Rule(
        **as_row(order),
        doubt=str(doubt),
        doubt_form=form_of(doubt),
        author=by.shown,
        second_by=str(second or ""),
        origin=origin,
        created_at=now,
        until=until,
        decision_id=decision_id,
        kept_out=kept_out(session, by, origin),
        paused_at=now if order.paused else None,
    )
    session.add(rule)
    session.flush()
    said = {"confirmed": list(confirmed)} if confirmed else {}
    ledger.write_act(session, "rule", f"rule:{format_id(rule.id)}", by=by, now=now, detail=said | detail_of(rule))
    if rule.effect == "allow":
        domain_proofs.begin_with_rule(session, rule.match, rule.value, settings=settings, now=now, decision_id=decision_id)
        copies.sort_anew(session, reached_deliveries(rule), settings=settings, now=now)
    return rule


def add_blocks(
    session: Session,
    orders: Sequence[RuleOrder],
    *,
    by: Actor,
    now: datetime,
    settings: Settings,
    decision_id: int,
    origin: str = REMOVAL,
) -> int:
    """Make the blocks that go along with a removal, however many they are, each in the audit log; how many.

    What staff has blocked already stays as it is, and is not blocked once more: undone with the removal it would be gone.
    """
    for scope in sorted({order.scope for order in orders}):
        access.may_make_rule(session, by, scope)
    if not orders:
        return 0
    versions.advance_version(session, VERSION)
    there = blocked_by_staff(session, {order.value for order in orders}, now)
    wanted = [check_order(session, one, settings) for one in orders if (one.match, one.value, one.scope) not in there]
    more: dict[str, Any] = {
        "kept_out": kept_out(session, by, origin),
        "author": by.shown,
        "origin": origin,
        "created_at": now,
        "decision_id": decision_id,
    }
    made = [Rule(**as_row(order), until=rule_end(order, now), **more) for order in wanted]
    insert_all(session, Rule, [columns_of(rule) for rule in made])
    ledger.write_all(session, [("rule", f"rule:{format_id(rule.id)}", detail_of(rule)) for rule in made], by=by, now=now)
    return len(made)


def kept_out(session: Session, by: Actor, origin: str) -> list[str]:
    """The confidential folders that what goes along with a removal does not reach into: those that are closed to who made it."""
    return sorted(confidential_folders.closed_folders(session, by)) if origin in (STANDING, REMOVAL) else []


def blocked_by_staff(session: Session, values: Iterable[str], now: datetime) -> set[tuple[str, str, str]]:
    """Returns the permanent blocks by staff for these values, proven or not, as (match, value, scope)."""
    block = (col(Rule.effect) == "block", col(Rule.origin).in_(BY_STAFF), col(Rule.unproven_only).is_(False), col(Rule.until).is_(None))
    columns = (col(Rule.match), col(Rule.value), col(Rule.scope))
    return {
        tuple(row) for row in session.execute(select(*columns).where(is_among(session, col(Rule.value), values), *block, in_force(now)))
    }


def reached_deliveries(rule: Rule) -> ColumnElement[bool]:
    """The deliveries of the sender or domain that an allow is about."""
    if rule.match == "subdomains":
        return of_domain(rule.value)
    return (col(Delivery.author) if rule.match == "address" else col(Delivery.author_domain)) == rule.value


def twin_of(session: Session, order: RuleOrder, origin: str, now: datetime) -> Rule | None:
    """The rule in force that says the same; one that was learned is none to staff."""
    same = [getattr(Rule, name) == getattr(order, name) for name in SAYS]
    origins = (*BY_STAFF, LEARNED) if origin == LEARNED else BY_STAFF
    rows = select(Rule).where(*same, col(Rule.target) == order.to, col(Rule.origin).in_(origins), in_force(now))
    return session.scalars(rows).first()


def detail_of(rule: Rule) -> dict[str, Any]:
    """Returns the details of a new rule for the audit log."""
    names = ("effect", "match", "value", "scope", "proof", "origin", *(("recipient", "target") if rule.target else ()))
    conditions = {"conditions": rule.conditions} if rule.conditions else {}
    more = conditions | ({"encrypted": True} if rule.encrypted else {})
    return {name: getattr(rule, name) for name in names} | more | ({"second_key": rule.second_by} if rule.second_by else {})


def widen_rule(session: Session, rule: Rule, order: RuleOrder, *, by: Actor, now: datetime) -> None:
    """Let a rule in force cover an equal order too: the later end of the two, and for a block all that either stops."""
    until = None if order.until is None or rule.until is None else max(order.until, rule.until)
    unsigned_only = rule.unsigned_only and order.unsigned_only
    lapse_days = max(rule.lapse_days, order.lapse_days) if until else 0
    if (until, unsigned_only, lapse_days) == (rule.until, rule.unsigned_only, rule.lapse_days):
        return
    rule.until, rule.unsigned_only, rule.lapse_days = until, unsigned_only, lapse_days
    session.flush()
    detail = {"until": until.isoformat() if until else "", "unsigned_only": unsigned_only}
    ledger.write_act(session, "widen-rule", f"rule:{format_id(rule.id)}", by=by, now=now, detail=detail)


def version_of(rule: Rule) -> str:
    """Changes when somebody changes the rule, not when it is used."""
    until = "" if rule.lapse_days else str(rule.until)
    said = (rule.proof, rule.note, rule.risky, rule.unchecked, rule.encrypted, rule.lapse_days, until, rule.removed_at)
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def plan_change(
    session: Session, rule_id: int, changes: Mapping[str, Any], *, by: Actor, now: datetime, settings: Settings, expected: str | None = None
) -> tuple[Rule, RuleOrder]:
    """The rule in force, locked, and what it would say after these changes: refused where this actor may not, or nobody can.

    What is CHANGEABLE, and until, can be changed; what is not named stays. `expected` is the version that the asker saw: Stale when
    somebody has changed it since. Who it is about is another rule.
    """
    rule = session.scalars(select(Rule).where(col(Rule.id) == rule_id, exists_at(now)).with_for_update()).first()
    if rule is None or not access.knows_rule(by, rule.scope, confidential_folders.closed_scopes(session, by)):
        raise NotFound(say("there is no rule {rule_id}", rule_id=format_id(rule_id)))
    access.may_make_rule(session, by, rule.scope)
    if expected is not None and expected != version_of(rule):
        raise Stale(say("somebody changed this rule after you opened it: open it again, then change it"))
    order = check_order(session, replace(order_of(rule), **changes), settings)
    if set(changes) - {"note"}:
        dual_control.require_proof_of_rule(order.effect, order.match, order.scope, by)
        dual_control.require_second_person(dual_control.of_rules([order], settings), by, None)
    return rule, order


def order_of(rule: Rule) -> RuleOrder:
    """Returns a rule as the order that would make it; with `until` only where it is a date of its own."""
    keeps = {name: getattr(rule, name) for name in CHANGEABLE} | {"until": None if rule.lapse_days else rule.until}
    said: dict[str, Any] = {"conditions": as_conditions(rule.conditions), "paused": rule.paused_at is not None}
    return RuleOrder(rule.effect, rule.match, rule.value, rule.scope, recipient=rule.recipient, to=rule.target, **keeps, **said)


def end_of_change(rule: Rule, order: RuleOrder, now: datetime, lapses_at: datetime | None = None) -> datetime | None:
    """Returns when a changed rule expires: as before where it still expires after the same number of days unused, else like a new one.

    `lapses_at`: an earlier end, which it had before a change that is taken back.
    """
    if order.lapse_days and lapses_at is not None:
        return min(lapses_at, now + timedelta(days=order.lapse_days))
    same = order.effect != "hold" and order.until is None and order.lapse_days == rule.lapse_days > 0
    return rule.until if same else rule_end(order, now)


def write_change(
    session: Session,
    rule: Rule,
    order: RuleOrder,
    changes: Mapping[str, Any],
    *,
    by: Actor,
    now: datetime,
    confirmed: Sequence[str] = (),
    lapses_at: datetime | None = None,
) -> Rule:
    """Change the rule to what the order says, in the audit log.

    `confirmed`: names of a second look, for the record. `lapses_at`: as in `end_of_change`.
    """
    until = end_of_change(rule, order, now, lapses_at)
    for name, value in (*((name, getattr(order, name)) for name in CHANGEABLE), ("until", until)):
        setattr(rule, name, value)
    session.flush()
    said = {"confirmed": list(confirmed)} if confirmed else {}
    detail = said | {name: str(getattr(rule, name)) for name in changes}
    ledger.write_act(session, "change-rule", f"rule:{format_id(rule.id)}", by=by, now=now, detail=detail)
    versions.advance_version(session, VERSION)
    return rule


def remove_rule(session: Session, rule_id: int, *, by: Actor, now: datetime) -> None:
    """Take a rule out of force; it stays in the audit log. Removing it again changes nothing."""
    rule = session.get(Rule, rule_id)
    if rule is None:
        raise NotFound(say("there is no rule {rule_id}", rule_id=format_id(rule_id)))
    access.may_make_rule(session, by, rule.scope)
    rows_found.note_rows(session, RULE, [RULE.subject_of(rule_id)])
    changed = session.execute(
        update(Rule).where(col(Rule.id) == rule_id, col(Rule.removed_at).is_(None)).values(removed_at=now, removed_by=str(by))
    )
    if changed.rowcount:  # type: ignore[attr-defined]
        ledger.write_act(
            session,
            "remove-rule",
            f"rule:{format_id(rule_id)}",
            by=by,
            now=now,
            detail={"effect": rule.effect, "value": rule.value, "scope": rule.scope},
        )
        versions.advance_version(session, VERSION)


def lock_known(session: Session, rule_ids: Sequence[int], *, by: Actor) -> dict[int, Rule]:
    """Locks these rules, also those that are over, and returns them by id.

    NotFound for a rule that the actor may not know of, NotAllowed for somebody who makes no rules.
    """
    access.may_make_rules(by)
    these = select(Rule).where(is_among(session, col(Rule.id), rule_ids)).order_by(col(Rule.id))
    closed = confidential_folders.closed_scopes(session, by)
    known = {rule.id: rule for rule in session.scalars(these.with_for_update()) if access.knows_rule(by, rule.scope, closed)}
    if missing := [one for one in rule_ids if one not in known]:
        raise NotFound(say("there is no rule {rule_id}", rule_id=format_id(missing[0])))
    return known


def remove_all(session: Session, some: Sequence[Rule], *, by: Actor, now: datetime) -> None:
    """Take rules that are in force out of force together, each in the audit log."""
    for scope in sorted({rule.scope for rule in some}):
        access.may_make_rule(session, by, scope)
    if not some:
        return
    these = is_among(session, col(Rule.id), [rule.id for rule in some])
    rows_found.note_rows(session, RULE, [RULE.subject_of(rule.id) for rule in some])
    session.execute(update(Rule).where(these, col(Rule.removed_at).is_(None)).values(removed_at=now, removed_by=str(by)))
    said = [("remove-rule", f"rule:{format_id(one.id)}", {"effect": one.effect, "value": one.value, "scope": one.scope}) for one in some]
    ledger.write_all(session, said, by=by, now=now)
    versions.advance_version(session, VERSION)


def lapse_at(at: ColumnElement[int]) -> ColumnElement[int]:
    """SQL expression for when a rule expires that was last used at an instant."""
    return case((TABLE.c.lapse_days > 0, at + TABLE.c.lapse_days * literal(DAY, BigInteger)), else_=TABLE.c.until)


AT = bindparam("at", type_=BigInteger)
FIRST = func.coalesce(TABLE.c.first_used_at, AT)
COUNTED = {"used": TABLE.c.used + bindparam("times"), "first_used_at": FIRST, "last_used_at": AT, "until": lapse_at(AT)}
USED = update(TABLE).where(TABLE.c.id == bindparam("of")).values(**COUNTED)
GONE = select(TABLE.c.id).where(OneOf(TABLE.c.id, "ids", BigInteger), TABLE.c.removed_at.is_not(None))


def count_uses(session: Session, rule_ids: Iterable[int], now: datetime) -> None:
    """Count the uses of rules, as often as each is named.

    NotYet when somebody has taken one back since it was read: what it did might not be undone with it.
    """
    uses = sorted(Counter(rule_ids).items())  # each by itself and in order: judges that count the same ones never wait in a circle
    if not uses:
        return
    connection = session.connection()
    connection.execute(USED, [{"of": one, "times": times, "at": to_micros(now)} for one, times in uses])
    if gone := connection.execute(GONE, {"ids": [one for one, _ in uses]}).scalars().first():
        raise NotYet(say("the rule {gone} was removed in the meantime", gone=format_id(gone)))


def count_refusals(session: Session, counts: Mapping[str, int], now: datetime) -> None:
    """The SMTP server has refused so many copies by the blocks of these addresses and domains, for the whole company."""
    refuses = and_(col(Rule.effect) == "block", col(Rule.scope) == "company", col(Rule.match) != "list", in_force(now))
    young = or_(col(Rule.holds_until).is_(None), col(Rule.holds_until) <= now)
    for entry, number in sorted(counts.items()):
        mine = and_(col(Rule.value) == entry, refuses, young)
        session.execute(update(Rule).where(mine).values(refused=col(Rule.refused) + number), execution_options=UNSEEN)


def prolong_rules(session: Session, addresses: Iterable[str], now: datetime) -> None:
    """Renews lapsing rules about addresses that an employee has just written to."""
    written = set(addresses)
    if not written:
        return
    domains = {address.rpartition("@")[2] for address in written}
    above = {name for domain in domains for name in ancestor_domains(domain)}
    about = or_(
        (col(Rule.match) == "address") & col(Rule.value).in_(written),
        (col(Rule.match) == "domain") & col(Rule.value).in_(domains),
        (col(Rule.match) == "subdomains") & col(Rule.value).in_(above),
    )
    lapsing = (col(Rule.lapse_days) > 0) & in_force(now)
    session.execute(
        update(Rule).where(about, lapsing).values(until=lapse_at(literal(to_micros(now), BigInteger))), execution_options=UNSEEN
    )


def list_rules(
    session: Session,
    now: datetime,
    *,
    by: Actor,
    q: str = "",
    sender: str = "",
    scope: str = "",
    limit: int = 50,
    before: int | None = None,
) -> list[Rule]:
    """Rules in force that reach into the actor's scope, newest first; `before` is the id to go on from.

    `sender`: an address or a domain; only rules that are about it. `scope`: only rules for exactly this one.
    """
    where = [exists_at(now), *known_conditions(session, by)]
    if q:
        where.append(col(Rule.value).contains(q.casefold(), autoescape=True))
    if sender:
        where.append(rules_about(sender.casefold().strip()))
    if scope:
        where.append(col(Rule.scope) == scope.strip())
    if before is not None:
        where.append(col(Rule.id) < before)
    found = session.scalars(select(Rule).where(*where).order_by(col(Rule.id).desc()).limit(limit))
    return [as_seen(rule, by) for rule in found]


def known_conditions(session: Session, by: Actor) -> list[ColumnElement[bool]]:
    """SQL conditions for rules, in force or not, that reach into the actor's scope: in SQL what `scope.knows_rule` says of one."""
    reaches = [] if by.scope.company else [col(Rule.scope).in_(["company", *by.scope.words()])]
    return [*reaches, not_(confidential_folders.closed_rules(session, by))]


def rules_about(name: str) -> ColumnElement[bool]:
    """SQL condition for rules about an address, or about a domain and everything in it; with rules of parent domains, as far as they
    reach."""
    domain = name.rpartition("@")[2]
    match, value = col(Rule.match), col(Rule.value)
    above = value.in_(ancestor_domains(domain)[1:]) & or_(match == "subdomains", (match == "domain") & (col(Rule.effect) != "allow"))
    named = or_((match == "address") & (value == name), match.in_(("domain", "subdomains")) & (value == domain), above)
    if "@" in name:
        return named
    return or_(named, *(value.endswith(sign + domain, autoescape=True) for sign in "@."))


def as_seen(rule: Rule, by: Actor) -> Rule:
    """A rule as this actor may know it: without uses, note and doubt where these tell of mail beyond their scope."""
    if access.knows_uses(by, rule.scope):
        return rule
    note = rule.note if rule.effect == "hold" else ""  # every message that it holds says it
    return Rule(**rule.model_dump() | {"note": note, "doubt": "", "used": None, "first_used_at": None, "last_used_at": None})


def known_to(session: Session, rule_ids: Sequence[int], *, by: Actor) -> tuple[Rule, ...]:
    """The rules with these ids that reach into the actor's scope, newest first."""
    found = session.scalars(select(Rule).where(is_among(session, col(Rule.id), rule_ids)).order_by(col(Rule.id).desc()))
    closed = confidential_folders.closed_scopes(session, by)
    return tuple(as_seen(rule, by) for rule in found if access.knows_rule(by, rule.scope, closed))
