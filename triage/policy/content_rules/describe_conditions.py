"""Conditions of a content rule in words, for the person who approves it. Pure."""

from collections.abc import Sequence

from triage.policy.content_rules import conditions
from triage.policy.content_rules.conditions import Conditions
from triage.say import list_with_and, list_with_or, mark, quote_text, say, say_count

MOST_SHOWN = 10  # values of one condition
SENTENCES = {
    conditions.ATTACHMENT_HASH: mark("an attachment with the SHA-256 {values}"),
    conditions.LINK_DOMAIN: mark("a link to {values}"),
    conditions.REPLY_TO: mark("the Reply-To address {values}"),
    conditions.AUTHOR: mark("the author {values}"),
    conditions.LIST: mark("the mailing list {values}"),
    conditions.ATTACHMENT_NAME: mark("an attachment named {values}"),
    conditions.WORDING: mark("the wording {values}"),
    conditions.SIGNAL: mark("the signal {values}"),
    conditions.ATTACHMENT_KIND: mark("an attachment of the kind {values}"),
    conditions.LANGUAGE: mark("the language {values}"),
    conditions.DIRECTION: mark("the direction {values}"),
}


def describe_conditions(given: Conditions) -> str:
    """Describes conditions with their values."""
    return list_with_and(say(SENTENCES[name], values=describe_values(values)) for name, values in given)


def describe_values(values: Sequence[str]) -> str:
    """The values of one condition, the first of very many."""
    shown = [quote_text(value) for value in values[:MOST_SHOWN]]
    left = len(values) - MOST_SHOWN
    more = [say_count("{count} more value", "{count} more values", count=left)] if left > 0 else []
    return list_with_or((*shown, *more))
