"""Sender rules: who said yes or no to whom, within which scope, for which proof. Match, add, remove, list."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlmodel import Session, col

from triage import access, keys, ledger, mailing_lists, markers, sealed
from triage.actor import Actor, Scope
from triage.authentication import Authentication
from triage.content import Summary
from triage.db import among
from triage.door import ancestors
from triage.envelope import Address, ascii_domain
from triage.errors import BadInput, NotFound
from triage.facts import MatchedRule, Recipient
from triage.ids import show
from triage.links import related
from triage.models import Department, Person, Rule
from triage.proofs import precision
from triage.settings import Settings

VERSION = "rules"  # the marker that moves when the door's blocks may have changed
LEAST = (-1, -1, -1)  # less precise than every rule


@dataclass(frozen=True, slots=True)
class RuleOrder:
    """A rule that somebody asks for. `value` may be left out where a selection gives it."""

    effect: str  # allow, block
    match: str  # address, domain, list
    value: str
    scope: str  # company, department:CODE, person:UID
    proof: str = ""  # allow: dmarc (default), aligned, dkim:DOMAIN, arc:DOMAIN
    until: datetime | None = None
    note: str = ""
    risky: bool = False
    unproven_only: bool = False
    unsigned_only: bool = False


class DoorEntries(NamedTuple):
    """The blocks that the door itself enforces (DoorSnapshot says how)."""

    always: frozenset[str]
    unsigned: frozenset[str]


def in_force(now: datetime) -> ColumnElement[bool]:
    """Not removed, not run out."""
    return col(Rule.removed_at).is_(None) & or_(col(Rule.until).is_(None), col(Rule.until) > now)


def matching(
    session: Session, authentication: Authentication, summary: Summary, recipient: Recipient, now: datetime
) -> tuple[MatchedRule, ...]:
    """Every rule in force for this sender and this recipient, the most precise first, blocks before allows."""
    return fitting(about_sender(session, summary, now), recipient)


def about_sender(session: Session, summary: Summary, now: datetime, carrier: str = "") -> list[Rule]:
    """Every rule in force about this sender, whoever the recipient is: asked once a message.

    `carrier` is the folded reverse-path: the door refuses what a company-wide block of that address is about, and what
    it had to take all the same (mailflow.md 4) meets the block here.
    A list that writes in place of its authors is let in as a list only: its address is everybody's who may post there.
    """
    wanted = sender_values(summary)
    values = {value for _, value in wanted} | ({carrier} if carrier else set())
    if not values:
        return []
    rows = session.scalars(select(Rule).where(col(Rule.value).in_(values), in_force(now)))
    by_list_only = mailing_lists.rewritten(summary) is not None
    fit = (row for row in rows if (row.match, row.value) in wanted or is_block_of_carrier(row, carrier))
    return [row for row in fit if not by_list_only or row.effect == "block" or row.match == "list"]


def is_block_of_carrier(rule: Rule, carrier: str) -> bool:
    """Is it about the envelope sender, proven or not?"""
    about = (rule.effect, rule.match, rule.scope, rule.unproven_only, rule.value)
    return about == ("block", "address", "company", False, carrier)


def sender_values(summary: Summary) -> set[tuple[str, str]]:
    """(match, value) of every rule that could be about this sender."""
    wanted: set[tuple[str, str]] = set()
    if summary.list_id:
        wanted.add(("list", summary.list_id.casefold()))
    if summary.author:
        wanted.add(("address", summary.author))
        wanted.update(("domain", domain) for domain in ancestors(summary.author.rpartition("@")[2]))
    return wanted


def fitting(rows: Iterable[Rule], recipient: Recipient) -> tuple[MatchedRule, ...]:
    """Those of the rules whose scope holds this recipient, in the order of `matching`."""
    scopes = {"company", f"department:{recipient.department}", f"person:{recipient.person}"}
    found = [matched(row) for row in rows if row.scope in scopes]
    return tuple(sorted(found, key=lambda rule: (tuple(-part for part in precision(rule)), rule.effect != "block", rule.id)))


def matched(row: Rule) -> MatchedRule:
    """A rule as the policy knows it."""
    return MatchedRule(
        id=row.id,
        effect=row.effect,
        match=row.match,
        value=row.value,
        scope=row.scope,
        proof=row.proof,
        unproven_only=row.unproven_only,
        author=row.author,
        origin=row.origin,
        since=row.created_at,
        risky=row.risky,
    )


def add(
    session: Session,
    order: RuleOrder,
    *,
    by: Actor,
    now: datetime,
    settings: Settings,
    origin: str = "staff",
    decision_id: int | None = None,
    second: Actor | None = None,
) -> Rule:
    """Make a rule. SecondKeyNeeded where the company wants two keys for it and no `second` person has turned theirs.

    An equal one that is in force is kept and returned, with the later end of the two.
    """
    access.may_make_rule(session, by, order.scope)
    order = checked(session, order, settings)
    keys.require(keys.of_rules([(order.effect, order.match, order.scope)], settings), by, second)
    markers.advance(session, VERSION)  # first: its row makes two who ask for the same rule wait for each other
    twin = session.scalars(
        select(Rule).where(
            col(Rule.effect) == order.effect,
            col(Rule.match) == order.match,
            col(Rule.value) == order.value,
            col(Rule.scope) == order.scope,
            col(Rule.proof) == order.proof,
            col(Rule.unproven_only) == order.unproven_only,
            col(Rule.risky) == order.risky,
            in_force(now),
        )
    ).first()
    if twin is not None:
        widen(session, twin, order, by=by, now=now)
        return twin
    rule = Rule(
        effect=order.effect,
        match=order.match,
        value=order.value,
        scope=order.scope,
        proof=order.proof,
        unproven_only=order.unproven_only,
        unsigned_only=order.unsigned_only,
        risky=order.risky,
        author=by.shown,
        second_by=str(second or ""),
        origin=origin,
        note=order.note,
        created_at=now,
        until=order.until,
        decision_id=decision_id,
    )
    session.add(rule)
    session.flush()
    detail = {name: getattr(rule, name) for name in ("effect", "match", "value", "scope", "proof", "origin")}
    if second:
        detail["second_key"] = rule.second_by
    ledger.write(session, "rule", f"rule:{show(rule.id)}", by=by, now=now, detail=detail)
    return rule


def widen(session: Session, rule: Rule, order: RuleOrder, *, by: Actor, now: datetime) -> None:
    """Let a rule in force cover an equal order too: the later end of the two, and for a block all that either stops."""
    until = None if order.until is None or rule.until is None else max(order.until, rule.until)
    unsigned_only = rule.unsigned_only and order.unsigned_only
    if (until, unsigned_only) == (rule.until, rule.unsigned_only):
        return
    rule.until, rule.unsigned_only = until, unsigned_only
    session.flush()
    detail = {"until": until.isoformat() if until else "", "unsigned_only": unsigned_only}
    ledger.write(session, "widen-rule", f"rule:{show(rule.id)}", by=by, now=now, detail=detail)


def checked(session: Session, order: RuleOrder, settings: Settings) -> RuleOrder:
    """The order in folded form with its proof filled in; BadInput says what is wrong."""
    if order.effect not in ("allow", "block"):
        raise BadInput(f"effect: a rule allows or blocks, not {order.effect!r}")
    value = checked_value(order.match, order.value)
    if order.match == "domain" and order.effect == "allow" and value in settings.policy.freemail_domains:
        raise BadInput(f"value: anybody can have an address at {value}; allow single addresses there")
    own = value.rpartition("@")[2] if order.match == "address" else value
    if (
        order.effect == "block"
        and order.match != "list"
        and any(own == domain or domain.endswith("." + own) for domain in settings.own_domains)
    ):
        raise BadInput(f"value: {value} is our own; forged mail in our name is held without a rule")
    return replace(
        order,
        value=value,
        scope=checked_scope(session, order.scope),
        proof=checked_proof(replace(order, value=value), settings),
        note=order.note[:500],
    )


def checked_value(match: str, value: str) -> str:
    """The value folded in the form of its kind."""
    try:
        if match == "address":
            return str(Address.parse(value))
        if match == "domain":
            domain = ascii_domain(value.removeprefix("@").removeprefix("."))
            if "." not in domain:
                raise ValueError(f"{value!r} is a whole top-level domain")
            return domain
    except ValueError as fault:
        raise BadInput(f"value: {fault}") from fault
    if match == "list":
        folded = value.strip().strip("<>").casefold()
        if not folded or len(folded) > 255 or any(not letter.isprintable() or letter.isspace() for letter in folded):
            raise BadInput(f"value: {value[:80]!r} is not a List-Id")
        return folded
    raise BadInput(f"match: a rule matches an address, a domain or a list, not {match!r}")


def checked_scope(session: Session, scope: str) -> str:
    """The scope folded; it must name something that exists."""
    try:
        parsed = Scope.parse([scope])
    except ValueError as fault:
        raise BadInput(f"scope: {fault}") from fault
    for code in parsed.departments:
        if session.get(Department, code) is None:
            raise BadInput(f"scope: there is no department {code!r}")
    for uid in parsed.persons:
        if session.get(Person, uid) is None:
            raise BadInput(f"scope: there is no person {uid!r}")
    return parsed.words()[0]


def checked_proof(order: RuleOrder, settings: Settings) -> str:
    """The proof an allow asks for. A list is known by who signs or seals its posts, nothing else (product.md 5)."""
    if order.effect == "block":
        return ""
    proof = order.proof or "dmarc"
    kind, colon, domain = proof.partition(":")
    if proof not in ("dmarc", "aligned") and (kind not in ("dkim", "arc") or not colon):
        raise BadInput(f"proof: dmarc, aligned, dkim:DOMAIN or arc:DOMAIN, not {proof!r}")
    if not colon and order.match == "list":
        raise BadInput("proof: a list needs dkim:DOMAIN, the domain that signs its posts, or arc:DOMAIN, the one that seals them")
    if not colon:
        return proof
    try:
        domain = ascii_domain(domain)
    except ValueError as fault:
        raise BadInput(f"proof: {fault}") from fault
    if kind == "arc" and domain not in settings.policy.trusted_arc_sealers:
        raise BadInput(f"proof: {domain} is not among policy.trusted_arc_sealers; whoever runs Mailroom can add it there")
    if kind == "arc" and order.match == "list" and not related(domain, order.value):
        raise BadInput(f"proof: {domain} seals what anybody sends through it; a list is known by a seal of its own organisation")
    return f"{kind}:{domain}"


def remove(session: Session, rule_id: int, *, by: Actor, now: datetime) -> None:
    """Take a rule out of force; it stays on the record. Removing it again changes nothing."""
    rule = session.get(Rule, rule_id)
    if rule is None:
        raise NotFound(f"there is no rule {show(rule_id)}")
    access.may_make_rule(session, by, rule.scope)
    changed = session.execute(
        update(Rule).where(col(Rule.id) == rule_id, col(Rule.removed_at).is_(None)).values(removed_at=now, removed_by=str(by))
    )
    if changed.rowcount:  # type: ignore[attr-defined]
        ledger.write(
            session,
            "unrule",
            f"rule:{show(rule_id)}",
            by=by,
            now=now,
            detail={"effect": rule.effect, "value": rule.value, "scope": rule.scope},
        )
        markers.advance(session, VERSION)


def used(session: Session, rule_ids: Iterable[int], now: datetime) -> None:
    """Count one use of each rule."""
    for rule_id in sorted(set(rule_ids)):
        session.execute(update(Rule).where(col(Rule.id) == rule_id).values(used=col(Rule.used) + 1, last_used_at=now))


def listing(session: Session, now: datetime, *, by: Actor, q: str = "", limit: int = 50, before: int | None = None) -> list[Rule]:
    """Rules in force that reach into the actor's scope, newest first; `before` is the id to go on from."""
    where = [in_force(now)]
    if not by.scope.company:
        where.append(col(Rule.scope).in_(["company", *by.scope.words()]))
    if closed := sealed.closed(session, by):
        where.append(col(Rule.scope).not_in(sorted(closed)))
    if q:
        where.append(col(Rule.value).contains(q.casefold(), autoescape=True))
    if before is not None:
        where.append(col(Rule.id) < before)
    found = session.scalars(select(Rule).where(*where).order_by(col(Rule.id).desc()).limit(limit))
    return [as_seen(rule, by) for rule in found]


def as_seen(rule: Rule, by: Actor) -> Rule:
    """A rule as this actor may know it: without uses and note where these tell of mail beyond their scope."""
    if access.knows_uses(by, rule.scope):
        return rule
    return Rule(**rule.model_dump() | {"note": "", "used": None, "last_used_at": None})


def door_entries(session: Session, now: datetime) -> DoorEntries:
    """The company-wide blocks that no narrower staff allow can override and that the envelope and the From field show."""
    blocks = session.scalars(
        select(Rule).where(in_force(now), col(Rule.effect) == "block", col(Rule.scope) == "company", col(Rule.match) != "list")
    )
    allowed = most_precise_allows(session, now)
    lists = any_list_allowed(session, now)
    always, unsigned = set(), set()
    for block in blocks:
        if allowed.get(block.value, LEAST) > precision(block) or (lists and block.match == "domain"):
            continue
        if not block.unproven_only:
            always.add(block.value)
        elif block.unsigned_only:
            unsigned.add(block.value)
    return DoorEntries(frozenset(always), frozenset(unsigned))


def any_list_allowed(session: Session, now: datetime) -> bool:
    """Is some list allowed? Its posts have authors from anywhere: then blocks of whole domains are the judge's to weigh."""
    lists = select(col(Rule.id)).where(in_force(now), col(Rule.effect) == "allow", col(Rule.match) == "list", col(Rule.origin) == "staff")
    return session.scalar(lists.limit(1)) is not None


def most_precise_allows(session: Session, now: datetime) -> dict[str, tuple[int, int, int]]:
    """How precise the narrowest staff allow is about each address and about anything within each domain."""
    found: dict[str, tuple[int, int, int]] = {}
    for allow in session.scalars(select(Rule).where(in_force(now), col(Rule.effect) == "allow", col(Rule.origin) == "staff")):
        for name in [allow.value, *ancestors(allow.value.rpartition("@")[2])]:
            found[name] = max(found.get(name, LEAST), precision(allow))
    return found


def version(session: Session, now: datetime) -> str:
    """Differs from every earlier one when the rules in force may have changed, also when one has run out."""
    run_out = session.scalar(select(func.count()).select_from(Rule).where(col(Rule.until) <= now))
    return f"{markers.read(session, VERSION)}.{run_out}"


def known_to(session: Session, rule_ids: Sequence[int], *, by: Actor) -> tuple[Rule, ...]:
    """The rules with these ids that reach into the actor's scope, newest first."""
    found = session.scalars(select(Rule).where(among(session, col(Rule.id), rule_ids)).order_by(col(Rule.id).desc()))
    closed = sealed.closed(session, by)
    return tuple(as_seen(rule, by) for rule in found if access.knows_rule(by, rule.scope, closed))
