"""Numbers and rules in words, as reports and forecasts say them. Pure."""

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
RULES = {
    "allowed-sender": "the sender is allowed or known, and proves it",
    "first-contact": "nobody here knows the sender yet",
    "unproven-known-sender": "it names a known sender and cannot prove it",
    "dmarc-reject": "the author's domain asks to reject it",
    "own-domain-forged": "it claims to be from here and cannot prove it",
    "forged-author": "it cannot prove what its author's mail can",
    "ambiguous-author": "it does not name exactly one author",
    "unparsable": "it could not be read safely",
    "dangerous-attachment": "an attachment could run a program",
    "virus": "a virus was found in it",
    "blocked-sender": "the sender is blocked",
    "held-sender": "staff holds every message from the sender for a while",
    "listed-client": "its client is on a list of bad ones",
    "listed-sample": "a sample of what lists take away",
    "proof-unknown": "the sender's DNS did not answer",
    "postmaster": "postmaster@ and abuse@ always pass",
    "reply-to-ours": "it answers a mail of ours",
    "bounce-with-files": "it returns a mail of ours, with a file beside it",
    "returned-mail": "it returns a mail that was sent on",
    "forged-bounce": "it claims to return a mail that we never sent",
    "recipient-left": "the person has left",
    "out-of-hours": "it is of use for a short time, and nobody is at work",
    "observe": "the door stands open: observe mode",
    "emergency": "the door was opened in an emergency",
}


def rule_words(rule: str) -> str:
    """What a rule of the policy is about."""
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


def plural(count: int, one: str, many: str = "") -> str:
    """So many of them."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def were(count: int) -> str:
    """Was or were, as many as there are."""
    return "was" if count == 1 else "were"


def hour_words(hour: int) -> str:
    """An hour of the day."""
    return f"{hour:02d}:00"
