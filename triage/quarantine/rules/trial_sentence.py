"""Sentence about the trial of a rule on content: what it would have done, and how many messages that is known of."""

from triage.quarantine.rules.content_trial import DAYS, TrialCounts
from triage.say import format_day, mark, say, say_count

ACTED = {
    "hold": mark("In the last {days} days the rule would have held {messages} to {people}, of {came} checked."),
    "purge": mark("In the last {days} days the rule would have removed {messages} to {people}, of {came} checked."),
    "redirect": mark("In the last {days} days the rule would have redirected {messages} to {people}, of {came} checked."),
    "mark": mark("In the last {days} days the rule would have marked {messages} to {people}, of {came} checked."),
}
ACTED_LATELY = {
    "hold": mark("Of the newest {came} messages, since {day}, the rule would have held {messages} to {people}."),
    "purge": mark("Of the newest {came} messages, since {day}, the rule would have removed {messages} to {people}."),
    "redirect": mark("Of the newest {came} messages, since {day}, the rule would have redirected {messages} to {people}."),
    "mark": mark("Of the newest {came} messages, since {day}, the rule would have marked {messages} to {people}."),
}


def content_sentence(effect: str, counts: TrialCounts) -> str:
    """Says what a rule on content would have done, for a person to read."""
    day = format_day(counts.since)
    if not counts.changed and counts.partial:
        return say("Of the newest {came} messages, since {day}, the rule would have changed nothing.", came=counts.came, day=day)
    if not counts.changed:
        return say_count(
            "In the last {days} days the rule would have changed nothing ({count} message checked).",
            "In the last {days} days the rule would have changed nothing ({count} messages checked).",
            count=counts.came,
            days=DAYS,
        )
    messages = say_count("{count} message", "{count} messages", count=counts.changed)
    people = say_count("{count} person", "{count} people", count=counts.people)
    if counts.partial:
        return say(ACTED_LATELY[effect], day=day, messages=messages, people=people, came=counts.came)
    return say(ACTED[effect], days=DAYS, messages=messages, people=people, came=counts.came)
