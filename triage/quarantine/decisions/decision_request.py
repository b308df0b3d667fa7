"""A requested decision as one value: which deliveries, what to do with them, and further blocks or rules.

Console, API, shell, mail programs and keepers make one, and so does what a second person confirms.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Self

from triage.actor import Actor
from triage.config.settings import Settings
from triage.message.signals.second_look import in_order
from triage.policy.content_rules.conditions import as_conditions
from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.removal.removal_plan import BlockWish, wish_from_json, wish_json
from triage.quarantine.search.selection import Selection, from_json
from triage.store.delivery_state import Event, State
from triage.store.models.decisions import Decision


class Verb(StrEnum):
    """Action of a person on messages."""

    RELEASE = "release"
    REDIRECT = "redirect"
    PURGE = "purge"
    REJECT = "reject"
    RESTORE = "restore"
    HOLD = "hold"
    REDELIVER = "redeliver"


class Effort(NamedTuple):
    """Work that a decision took, since its row came under the cursor."""

    keys: int
    milliseconds: int


class Aim(NamedTuple):
    """States that a verb changes, and states that it counts when it selects by features."""

    event: Event
    changes: frozenset[State]
    counts: frozenset[State]


HELD, QUEUED, PURGED = frozenset({State.HELD}), frozenset({State.QUEUED}), frozenset({State.PURGED, State.EXPIRED, State.REJECTED})
DELIVERED = frozenset({State.DELIVERED})
HELD_OR_BOUNCED = frozenset({State.HELD, State.BOUNCED})
PURGEABLE = frozenset({State.HELD, State.QUEUED, State.BOUNCED})
IN_FLIGHT = frozenset({State.RELAYING, State.RESTORING})
AIMS = {
    Verb.RELEASE: Aim(Event.RELEASE, HELD_OR_BOUNCED, HELD),
    Verb.REDIRECT: Aim(Event.REDIRECT, HELD_OR_BOUNCED, HELD),
    Verb.PURGE: Aim(Event.PURGE, PURGEABLE, PURGEABLE | IN_FLIGHT | DELIVERED),
    Verb.REJECT: Aim(Event.REJECT, HELD, HELD),
    Verb.RESTORE: Aim(Event.RESTORE, PURGED, PURGED),
    Verb.HOLD: Aim(Event.HOLD, QUEUED, QUEUED),
    Verb.REDELIVER: Aim(Event.REDELIVER, DELIVERED, DELIVERED),
}


@dataclass(frozen=True, slots=True)
class DecisionRequest:
    """Request for one decision on all deliveries of a selection, whatever their number.

    `rule`: a rule about their senders that is made along; `block`: a purge blocks along what `removal_plan.plan` says. `expect` is the
    count of what is changed and `fence` the token of the evidence sheet that the actor saw: Stale when it changed since. `confirm`: the
    names of the second look, exactly those. A redelivery looks first, where there is a way into the mailboxes, whether the copy is still
    there, unless `look_first` is False. The same `idempotency_key` from the same actor gives the first decision again.
    """

    selected: Selection
    verb: Verb
    reason: str = ""
    to: str = ""  # where a redirect goes
    template: str = ""  # what rejected senders are told: a template of the settings
    text: str = ""  # or these words
    rule: RuleOrder | None = None
    block: BlockWish | None = None
    expect: int | None = None
    fence: str | None = None
    confirm: Collection[str] = ()
    look_first: bool = True
    idempotency_key: str | None = None
    effort: Effort | None = None

    @property
    def allow(self) -> RuleOrder | None:
        """The rule that is made along, where it lets senders in."""
        return self.rule if self.rule and self.rule.effect == "allow" else None

    @property
    def order(self) -> dict[str, Any]:
        """The rest of a request besides selection and verb, as a decision in slices stores it."""
        return {"to": self.to, "template": self.template, "text": self.text}

    def key_of(self, by: Actor) -> str | None:
        """The idempotency key as it is kept: nobody meets another one's."""
        return scope_key(by, self.idempotency_key)

    def as_json(self) -> dict[str, Any]:
        """The request as plain values, for what waits for a second person."""
        rule = rule_json(self.rule) if self.rule else None
        said = {"verb": self.verb, "select": self.selected.as_json(), "rule": rule} | self.order
        return said | {"block": wish_json(self.block), "confirmed": in_order(self.confirm)}

    @classmethod
    def from_json(cls, order: dict[str, Any], *, reason: str, confirm: Collection[str], fence: str | None) -> Self:
        """The request that `as_json` wrote, with what the second person confirms."""
        return cls(
            selected=from_json(order["select"]),
            verb=Verb(order["verb"]),
            reason=reason,
            to=order["to"],
            template=order["template"],
            text=order["text"],
            rule=rule_of(order["rule"]) if order["rule"] else None,
            block=wish_from_json(order.get("block")),
            confirm=confirm,
            fence=fence,
        )

    @classmethod
    def of_decision(cls, decision: Decision) -> Self:
        """The request of a decision that is carried out in slices."""
        said = {name: decision.order[name] for name in ("to", "template", "text")}
        return cls(from_json(decision.selection), Verb(decision.verb), decision.reason, **said)


def scope_key(by: Actor, idempotency_key: str | None) -> str | None:
    """An idempotency key as it is kept: nobody meets another one's."""
    return f"{by}:{idempotency_key}" if idempotency_key else None


def aim_of(request: DecisionRequest, settings: Settings) -> Aim:
    """Target of a request: with access to mailboxes, a purge removes from them, and a redelivery looks into them."""
    verb, aim = request.verb, AIMS[request.verb]
    if verb is Verb.PURGE and settings.reaches_mailboxes:
        return aim._replace(changes=aim.changes | DELIVERED)
    looks_first = verb is Verb.REDELIVER and settings.reaches_mailboxes and request.look_first
    return aim._replace(event=Event.PUT_BACK) if looks_first else aim


def rule_json(order: RuleOrder) -> dict[str, Any]:
    """An order as plain values."""
    return asdict(order) | {"scope": order.scope.casefold(), "until": order.until.isoformat() if order.until else None}


def rule_of(values: dict[str, Any]) -> RuleOrder:
    """The order that `rule_json` wrote."""
    named = {name: tuple(values.get(name, ())) for name in ("senders", "without")}
    named["conditions"] = as_conditions(dict(values.get("conditions", ())))
    until = datetime.fromisoformat(values["until"]) if values["until"] else None
    return RuleOrder(**{name: value for name, value in values.items() if name not in ("confirmed", "trial")} | named | {"until": until})
