"""Numbers and rules in words, as reports and forecasts say them. Pure."""

from triage.say import say

WEEKDAYS = (say("Monday"), say("Tuesday"), say("Wednesday"), say("Thursday"), say("Friday"), say("Saturday"), say("Sunday"))
RULES = {
    "allowed-sender": say("the sender is allowed or known, and proven"),
    "first-contact": say("the first message from this sender"),
    "unproven-known-sender": say("it claims to be from a known sender, without proof"),
    "dmarc-reject": say("the author's domain asks to reject it"),
    "own-domain-forged": say("it claims to be from your company, without proof"),
    "forged-author": say("it is not proven, though its author's messages usually are"),
    "ambiguous-author": say("it does not name exactly one author"),
    "unparsable": say("it could not be read safely"),
    "sends-differently": say("the sender's domain is proven in a new way, and it has other warnings"),
    "dkim-replay": say("it is signed, but may have been replayed by somebody else"),
    "dangerous-attachment": say("an attachment could run a program"),
    "encrypted-attachment": say("an encrypted attachment cannot be scanned"),
    "virus": say("a virus was found in it"),
    "blocked-sender": say("the sender is blocked"),
    "held-sender": say("staff hold every message from the sender for a while"),
    "held-by-content": say("a content rule holds it"),
    "purged-by-content": say("a content rule removes it"),
    "listed-client": say("the sending server is on a blocklist"),
    "listed-sample": say("a sample of what blocklists remove"),
    "proof-unknown": say("the sender's DNS did not answer"),
    "postmaster": say("postmaster@ and abuse@ always pass"),
    "reply-to-ours": say("it answers a message of ours"),
    "bounce-with-files": say("it returns a message of ours, with an additional file"),
    "returned-mail": say("it returns a message that was sent on"),
    "forged-bounce": say("it claims to return a message that we never sent"),
    "recipient-left": say("the person has left"),
    "from-inside": say("it was sent inside the company"),
    "out-of-hours": say("it is time-limited, and nobody is at work"),
    "listed-code": say("it is time-limited, and the start list names its sender"),
    "phishing-simulation": say("it is a phishing simulation that the company ordered"),
    "held-for-assistant": say("everything for the recipient is held for their assistant"),
    "looks-dangerous": say("it looks dangerous"),
    "observe": say("the enforcement step lets it pass"),
    "emergency": say("everything was delivered in an emergency"),
}


def describe_policy_rule(rule: str) -> str:
    """Describes a rule of the policy in words."""
    return RULES.get(rule, rule.replace("-", " "))


def format_percent(count: float, whole: float) -> str:
    """A part in words."""
    return f"{100 * count / whole:.0f} %" if whole else "0 %"


def format_span(seconds: float) -> str:
    """A span of time in the unit that fits."""
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds / size
            return f"{count:.1f} {name}s".replace(".0 ", " ") if round(count, 1) != 1 else f"1 {name}"
    return f"{seconds:.0f} seconds" if round(seconds) != 1 else "1 second"


def spell_span(seconds: float) -> str:
    """The same as a sentence of ours, which other languages can show."""
    if seconds >= 86400:
        return say("{number} days", number=round(seconds / 86400, 1)) if round(seconds / 86400, 1) != 1 else say("1 day")
    if seconds >= 3600:
        return say("{number} hours", number=round(seconds / 3600, 1)) if round(seconds / 3600, 1) != 1 else say("1 hour")
    if seconds >= 60:
        return say("{number} minutes", number=round(seconds / 60, 1)) if round(seconds / 60, 1) != 1 else say("1 minute")
    return say("{number} seconds", number=round(seconds)) if round(seconds) != 1 else say("1 second")


def format_count(count: int, one: str, many: str = "") -> str:
    """So many of them."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def pick_was_or_were(count: int) -> str:
    """Was or were, as many as there are."""
    return "was" if count == 1 else "were"


def format_hour(hour: int) -> str:
    """An hour of the day."""
    return f"{hour:02d}:00"
