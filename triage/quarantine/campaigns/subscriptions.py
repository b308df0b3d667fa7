"""Subscription mail, of which mail bombs are made, and alerts of banks and shops, which they are to hide. Words in English and German."""

import re

from triage.message.signals.signal_context import Signal, top_of
from triage.message.summary import Summary
from triage.say import say_count

BULK_FIELDS = frozenset({"precedence", "feedback-id"})
SUBSCRIBED = re.compile(
    r"\b(?:(?:confirm|verify|activate|complete) (?:your|my|the) (?:subscription|sign-?up|registration|e-?mail|account|newsletter"
    r"|membership)|thank(?:s| you) for (?:subscribing|signing up|registering|joining|your (?:registration|subscription|interest))"
    r"|you(?:['’]re| are) (?:now )?(?:subscribed|registered)|welcome to|newsletter|(?:double )?opt-?in"
    r"|bestätig\w* (?:sie )?(?:bitte )?(?:ihre?n?|deine?n?|die) (?:anmeldung|registrierung|e-?mail|newsletter|konto|abonnement)"
    r"|(?:danke|vielen dank) für (?:ihre|deine) (?:anmeldung|registrierung|interesse)|willkommen (?:bei|beim)"
    r"|(?:registrierung|anmeldung) (?:abschließen|bestätigen|zum|zu unserem))\b"
)
ALERTING = re.compile(
    r"\b(?:(?:password|passwort|kennwort|phone number|handynummer|telefonnummer)\b[^.!?]{0,40}\b(?:changed|reset|geändert|zurückgesetzt)"
    r"|(?:new|unusual|unrecogni[sz]ed|suspicious|neue[rns]?|ungewöhnliche[rns]?) (?:sign-?in|log-?in|device|anmeldung|gerät)"
    r"|(?:payment|transfer|transaction|withdrawal|purchase|order|invoice|überweisung|zahlung|buchung|lastschrift|auftrag|bestellung"
    r"|rechnung)\b[^.!?]{0,40}\b(?:received|sent|made|confirmed|complete|completed|processed|authori[sz]ed|approved|placed|shipped"
    r"|ausgeführt|eingegangen|bestätigt|erhalten|autorisiert|versandt)"
    r"|(?:security|fraud) (?:alert|notice|warning)|sicherheits(?:hinweis|warnung|meldung)|debited|charged|abgebucht|belastet"
    r"|(?:account|card|konto|karte)\b[^.!?]{0,40}\b(?:blocked|locked|limited|changed|gesperrt|geändert)"
    r"|sim card|sim-karte|esim)\b"
)


def is_subscription(summary: Summary) -> bool:
    """Whether a form or a list sent a message, as in a subscription flood, and it is no alert."""
    words = " ".join(top_of(summary).split())
    bulk = summary.automatic.startswith("list-") or summary.automatic in BULK_FIELDS
    return (bulk or SUBSCRIBED.search(words) is not None) and ALERTING.search(words) is None


def arrived_during_flood(count: int) -> Signal:
    """Returns the signal of a message that a mail bomb may be meant to hide."""
    words = say_count(
        "Arrived during a flood of {count} message to this folder: it may be what the flood is to hide. Call the recipient.",
        "Arrived during a flood of {count} messages to this folder: it may be what the flood is to hide. Call the recipient.",
        count=count,
    )
    return Signal("during-flood", words, 0, (str(count),))
