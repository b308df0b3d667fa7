"""Sender rules."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field, field_validator

from triage.policy.rules.store import RuleOrder
from triage.quarantine.search.selection import Selection
from triage_api.schemas.fields import GivenId, Id, Order, Shape, Text, Word, check_storable
from triage_api.schemas.language import Sentence
from triage_api.schemas.second_looks import Confirm, Fence, RuleToConfirm, SecondLook
from triage_api.schemas.vocabulary import AskedMatch, ClashKind, ConditionName, Effect, Match, RuleEffect, RuleMatch


class RuleFields(Order):
    """Fields that every new rule can have."""

    value: Word = ""
    scope: Word = ""
    proof: Word = ""
    until: AwareDatetime | None = None
    note: Text = ""
    risky: bool = False
    unchecked: Annotated[bool, Field(description="an allow: passes whatever the message says; no check of known senders holds it")] = False
    encrypted: Annotated[bool, Field(description="an allow: encrypted files pass for this person or department; programs never do")] = False
    unproven_only: Annotated[bool, Field(description="a block: of forgeries alone; messages that prove their sender still arrive")] = False
    lapse_days: Annotated[int, Field(ge=0, description="ends so many days after the last message either way; 0: never")] = 0
    recipient: Annotated[Word, Field(description="redirect: only messages to this address of ours")] = ""
    to: Annotated[Word, Field(description="redirect: person:UID, department:CODE or an address of ours")] = ""


class SenderRule(RuleFields):
    """A rule that somebody asks for. In a decision the selected mail gives the value when it is left out, and the scope: one rule for
    each of those whom it is for, as far as your scope reaches."""

    effect: Annotated[
        Effect,
        Field(description="hold: every message from the sender is held until a date (two weeks when it names none); its note says why"),
    ]
    match: Annotated[
        Match,
        Field(description="domain: in an allow that domain alone, else everything below it too; subdomains: with all below it"),
    ]

    def order(self) -> RuleOrder:
        """Converts it to the core's value."""
        return RuleOrder(**self.model_dump())


class TriedRule(RuleFields):
    """A rule that somebody asks for by itself: about a sender, or with `match` content about what a message says."""

    effect: Annotated[
        RuleEffect,
        Field(description="hold: of a sender until a date (two weeks when it names none); purge and mark are for rules on content"),
    ]
    match: Annotated[AskedMatch, Field(description="content: `value` is its name, `conditions` say which messages it is about")]
    conditions: Annotated[
        dict[ConditionName, Annotated[list[Word], Field(max_length=100)]],
        Field(description="of a rule on content: every one has to fit, by one of its values; `*` in a value stands for any characters"),
    ] = {}
    paused: Annotated[bool, Field(description="a rule on content: it does nothing until somebody resumes it")] = False

    def order(self) -> RuleOrder:
        """Converts it to the core's value."""
        conditions = tuple((name, tuple(values)) for name, values in self.conditions.items())
        return RuleOrder(**self.model_dump(exclude={"confirm", "fence", "conditions"}), conditions=conditions)


class RuleOrdered(TriedRule):
    """A rule by itself."""

    confirm: Confirm = []
    fence: Fence = None


class Clash(Shape):
    """Conflict of a rule with another one."""

    kind: Annotated[ClashKind, Field(description="shadowed: it never takes effect; exception: it goes first; same: said already")]
    rule_id: Id
    sentence: Sentence


class Rule(Shape):
    """A rule about a sender, or on content."""

    id: Id
    effect: RuleEffect
    match: RuleMatch
    value: str
    scope: str
    proof: str
    unproven_only: bool
    risky: bool
    unchecked: Annotated[bool, Field(description="an allow: passes whatever the message says; no check of known senders holds it")]
    encrypted: Annotated[bool, Field(description="an allow: encrypted files pass for this person or department; programs never do")]
    recipient: str
    target: Annotated[str, Field(description="redirect: where such mail goes")]
    author: str
    origin: str
    note: Sentence
    created_at: datetime
    until: datetime | None
    lapse_days: int
    holds_until: Annotated[datetime | None, Field(description="a block: until then it holds, and neither refuses nor removes")]
    refused: Annotated[int, Field(description="a block: copies that were refused at SMTP time")]
    used: Annotated[int | None, Field(description="null where that would tell of mail beyond your scope")]
    first_used_at: datetime | None
    last_used_at: datetime | None
    doubt: Annotated[Sentence, Field(description="why it may never work, or hit more than is meant, as far as was known when it was made")]
    clashes: Annotated[list[Clash], Field(description="how it stands to other rules that reach all of its mail")] = []
    conditions: Annotated[dict[ConditionName, list[str]], Field(description="of a rule on content")] = {}
    paused_at: Annotated[datetime | None, Field(description="a rule on content: since then it does nothing")] = None


class RuleChange(Order):
    """Changes to a rule; a missing field stays as it is."""

    proof: Word = ""
    until: AwareDatetime | None = None
    lapse_days: Annotated[int, Field(ge=0)] = 0
    note: Text = ""
    risky: bool = False
    unchecked: Annotated[bool, Field(description="an allow: passes whatever the message says; no check of known senders holds it")] = False
    paused: Annotated[bool | None, Field(description="a rule on content, and nothing else with it: pause it, or resume it")] = None
    encrypted: Annotated[bool, Field(description="an allow: encrypted files pass for this person or department; programs never do")] = False
    confirm: Confirm = []
    fence: Fence = None

    def changes(self) -> dict[str, Any]:
        """Returns the fields that were given."""
        return self.model_dump(exclude_unset=True, exclude={"confirm", "fence", "paused"})


class RuleText(Order):
    """Rules as lines of text, such as `GET /rules/export` writes them, and their tests."""

    text: Annotated[str, Field(max_length=1_000_000), AfterValidator(check_storable)]


class RuleTested(Shape):
    """Result of one rule test."""

    line: int
    passed: bool
    sentence: Sentence


class RuleTests(Shape):
    """Results of the rule tests, in the order of their lines."""

    items: list[RuleTested]


class RuleLines(RuleText):
    """Rules as lines of text, to be made."""

    dry_run: Annotated[bool, Field(description="only look whether every line is right, and what has to be confirmed")] = False
    confirm: Confirm = []
    fence: Fence = None


class RestoreOrder(Order):
    """Removed rules that are to be in force again."""

    rules: Annotated[list[GivenId], Field(min_length=1, max_length=500)]
    confirm: Confirm = []
    fence: Fence = None


class RemovalOrder(Order):
    """Rules that are to be removed together."""

    rules: Annotated[list[GivenId], Field(min_length=1, max_length=500)]
    dry_run: Annotated[bool, Field(description="only look what would be removed")] = False
    fence: Annotated[Word | None, Field(description="of the dry run: 412 where a rule has changed since")] = None


class RemovedRules(Shape):
    """Rules that were removed together, or would be; `POST /rules/restore` takes their ids to undo it."""

    count: Annotated[int, Field(description="less than asked for where a rule is removed or over already")]
    rules: Annotated[list[Rule], Field(description="newest first")]
    fence: str


class RestoredRules(Shape):
    """Number of rules that were restored."""

    count: Annotated[int, Field(description="less than asked for where an equal rule is in force")]


class RuleEnd(Order):
    """End of a rule; neither: none."""

    rule: GivenId
    until: Annotated[AwareDatetime | None, Field(description="with `lapse_days`: no later than this if no message comes")] = None
    lapse_days: Annotated[int, Field(ge=0, description="days after the last message in either direction")] = 0


class EndsOrder(Order):
    """Rules whose ends are to be changed together."""

    ends: Annotated[list[RuleEnd], Field(min_length=1, max_length=500)]
    dry_run: Annotated[bool, Field(description="only look whose ends would be changed")] = False
    rules_fence: Annotated[Word | None, Field(description="of a dry run or an earlier change: 412 where a rule has changed since")] = None
    confirm: Confirm = []
    fence: Fence = None


class FormerEnd(Shape):
    """End that a rule had."""

    rule: Annotated[Id, Field(validation_alias="rule_id")]
    until: datetime | None
    lapse_days: int


class ChangedEnds(Shape):
    """Rules whose ends were changed together, or would be; `former` as `ends`, with this `rules_fence`, undoes it."""

    count: Annotated[int, Field(description="less than asked for where a rule is removed or over already")]
    rules: Annotated[list[Rule], Field(description="newest first; of a dry run as they are")]
    former: list[FormerEnd]
    rules_fence: str


class DeliveredLately(Shape):
    """Messages that the blocked sender or campaign had delivered in the last 14 days, in your scope; `select` is for their removal."""

    rule: Annotated[Id, Field(validation_alias="rule_id")]
    value: str
    messages: int
    mailboxes: int
    opened: Annotated[int, Field(description="as far as is known: read, or answered since")]
    select: Annotated[dict[str, Any] | None, Field(description="as `POST /selections/preview` takes it; null: there is nothing")]
    sentence: Annotated[Sentence, Field(description="12 messages in 9 mailboxes, 3 opened. Remove them too?")]

    @field_validator("select", mode="before")
    @classmethod
    def as_json(cls, wanted: Any) -> Any:
        """Formats it as the API writes it."""
        return wanted.as_json() if isinstance(wanted, Selection) else wanted


class MadeRule(Rule):
    """A rule that was just made."""

    delivered: Annotated[DeliveredLately | None, Field(description="of a block: what to remove too; null: nothing")] = None


class LeftOut(Shape):
    """A line of an import that a second person has to approve: its rule is made alone."""

    line: int
    reason: Sentence


class ImportedLine(Shape):
    """Rule that a line of an import makes, or that is in force already."""

    line: int
    is_new: bool
    rule: Rule


class ImportResult(Shape):
    """Outcome of an import, line by line."""

    made: int
    kept: Annotated[int, Field(description="rules that were there already")]
    left_out: Annotated[list[LeftOut], Field(description="rules on content that a second person has to approve: none was made")] = []
    delivered: Annotated[
        list[DeliveredLately], Field(description="of new blocks: what to remove too, the most first, at most 20 of them")
    ] = []
    second_look: Annotated[list[SecondLook], Field(description="dry_run: what has to be confirmed, as the 409 says it")] = []
    rules: Annotated[list[RuleToConfirm], Field(description="dry_run: the allow rules that would release these messages")] = []
    fence: Annotated[str, Field(description="dry_run: for `confirm`")] = ""
    lines: Annotated[list[ImportedLine], Field(description="dry_run: the rule of each line, of the first 500")] = []


class ExplainOrder(Order):
    """A sender and a recipient, or a delivery."""

    sender: Word = ""
    to: Word = ""
    list_id: Word = ""
    delivery: GivenId | None = None


class OtherRule(Shape):
    """A rule that matched too, and did not decide."""

    rule: str
    reason: Sentence
    rule_id: Id | None


class Case(Shape):
    """Outcome under one assumption about the sender's proof."""

    proof: Annotated[str, Field(description="dmarc, aligned, dkim:DOMAIN, arc:DOMAIN or none")]
    disposition: str
    rule: str
    rule_id: Id | None
    reason: Sentence
    other_rules: Annotated[list[OtherRule], Field(validation_alias="beside")]


class Explanation(Shape):
    """Outcome for a sender's messages to somebody here; or the reason of a decision, and today's outcome."""

    sender: str = ""
    to: str = ""
    department: str = ""
    person: str = ""
    mailbox: str = ""
    note: Sentence = ""
    cases: list[Case] = []
    delivery: Id | None = None
    then: Case | None = None
    today: Case | None = None


class Rules(Shape):
    """Page of rules, newest first."""

    items: list[Rule]
    next_cursor: str | None
