"""Senders that a release allows: as requested, previewed and stored."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from triage.policy.rules.rule_request import RuleOrder
from triage.quarantine.rules.rules_with_decision import MOST_RULES
from triage.say import say
from triage_api.schemas.fields import Shape, Word
from triage_api.schemas.language import Sentence
from triage_api.schemas.policy.rules import SenderRule
from triage_api.schemas.second_looks import Names
from triage_api.schemas.vocabulary import RuleMatch, Severity


class AlongRule(SenderRule):
    """A rule along with a decision. Of several senders an allow names each: nobody is allowed unnamed."""

    senders: Annotated[
        list[Word],
        Field(max_length=MOST_RULES, description="allow, without `value`: exactly these senders, as the preview names them; 412 if others"),
    ] = []
    without: Annotated[
        list[Word], Field(max_length=10_000, description="senders who are left out: not allowed, and their messages stay held")
    ] = []

    def order(self) -> RuleOrder:
        """Converts it to the core's value."""
        return RuleOrder(**self.model_dump() | {"senders": tuple(self.senders), "without": tuple(self.without)})

    @model_validator(mode="after")
    def senders_only_of_an_allow(self) -> Self:
        """Accepts a value only for one sender."""
        if (self.senders or self.without) and (self.effect != "allow" or self.value):
            raise ValueError(say("senders: use it with an allow rule and without a value"))
        return self


class AgreedRule(Shape):
    """A rule that somebody agreed to."""

    match: RuleMatch
    value: str
    scope: str
    proof: str
    encrypted: Annotated[bool, Field(description="encrypted files pass too")] = False


class LeftOutSender(Shape):
    """A sender who was left out."""

    sender: Annotated[str, Field(description="empty: messages that name no sender")]
    count: int


class Agreed(Shape):
    """Consent of the person who released messages and allowed their senders."""

    rules: Annotated[list[AgreedRule], Field(description="also rules that were in force before, as far as you may see them")] = []
    left_out: list[LeftOutSender] = []


class SenderConsent(Shape):
    """A sender of the selected messages, before they are accepted."""

    sender: Annotated[str, Field(description="an address, or a List-Id; empty: messages that name no sender")]
    match: Annotated[RuleMatch | Literal[""], Field(description="address, domain, list; empty where there is no sender")]
    count: Annotated[int, Field(description="of the selected messages")]
    proof: Annotated[
        Literal["genuine", "not_proven", "failed"],
        Field(description="genuine: all prove it; not_proven: some do not; failed: some fail DMARC"),
    ]
    required_proof: Annotated[
        str, Field(validation_alias="rests_on", description="the proof that the rule asks for: dmarc, aligned, dkim:DOMAIN")
    ]
    severity: Annotated[Severity, Field(description="severity of their worst message")]
    second_look: Annotated[Names, Field(description="why releasing their messages has to be confirmed; empty: it is not asked")]
    warnings: Annotated[list[Sentence], Field(validation_alias="says", description="the strongest warnings about them")]
    chosen: Annotated[bool, Field(description="is allowed; without `rule.senders` proven senders who need no second look")]
    why_not: Annotated[Sentence, Field(description="why there can be no rule about them; empty where there can")]


class AllowScope(Shape):
    """For whom they could be allowed."""

    scope: Annotated[str, Field(description="for `rule.scope`; empty: each of those whom the messages are for")]
    scopes: Annotated[list[str], Field(description="of the rules that are made")]
    would_allow: Annotated[int, Field(description="messages of the last 30 days that would have been released")]


class Allow(Shape):
    """Senders whom a release with an allow rule allows. A decision with these senders, this scope and the fence does exactly that."""

    senders: list[SenderConsent]
    rules: Annotated[list[AgreedRule], Field(description="exactly those that are made, or are in force already")]
    count: Annotated[int, Field(description="messages that are released: those of the chosen senders")]
    scope: str
    reaches: Annotated[list[AllowScope], Field(description="the narrowest first")]
    only_encrypted: Annotated[
        bool, Field(description="they are held for nothing but an encrypted file: `rule.encrypted` lets further ones of the sender pass")
    ]
    sentences: Annotated[list[Sentence], Field(description="what each rule allows, as the decision will say it")]
