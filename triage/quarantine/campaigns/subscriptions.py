"""Subscription mail, of which mail bombs are made, and alerts of banks and shops, which they are to hide. Words in English and German."""

import re

from triage.message.signals.signal_context import Signal, top_of
from triage.message.summary import Summary
from triage.say import say_count

DURING_FLOOD = "during-flood"  # a signal
BULK_FIELDS = frozenset({"precedence", "feedback-id"})
NEAR = 200  # characters of the text in which a form says what it wants: further down are signatures and footers
SIGNED_UP = re.compile(
    r"\b(?:(?:confirm|verify|activate|complete) (?:your|my|the) (?:subscription|sign-?up|registration|e-?mail|account|newsletter"
    r"|membership)|thank(?:s| you) for (?:subscribing|signing up|registering|joining|your (?:registration|subscription|interest))"
    r"|you(?:['’]re| are) (?:now )?(?:subscribed|registered)"
    r"|bestätig\w* (?:sie )?(?:bitte )?(?:ihre?n?|deine?n?|die) (?:anmeldung|registrierung|e-?mail|newsletter|konto|abonnement)"
    r"|(?:danke|vielen dank) für (?:ihre|deine) (?:anmeldung|registrierung|interesse)"
    r"|(?:registrierung|anmeldung) (?:abschliessen|bestätigen|zum|zu unserem))\b"  # folded: ss
)
NAMED_AS_ONE = re.compile(r"\b(?:welcome to|newsletter|(?:double )?opt-?in|willkommen (?:bei|beim))\b")  # said in a subject
MONEY = (
    r"(?:payment|transfer|wire|transaction|withdrawal|purchase|order|invoice|überweisung|zahlung|buchung|lastschrift|auftrag|bestellung"
    r"|rechnung)"
)
ACCESS = r"(?:password|passwort|kennwort|phone|handynummer|telefonnummer|e-?mail(?:-?adresse)?|account|card|konto|karte)"
BETWEEN = r"\b(?:(?!\b(?:not|never|can|may|could|nicht|nie|kann|können)\b)[^.!?;]){0,40}\b"
ALERTING = re.compile(
    rf"\b(?:{ACCESS}{BETWEEN}(?:changed|reset|(?:was|were|been) updated|blocked|locked|limited|geändert|zurückgesetzt|aktualisiert"
    r"|gesperrt)"
    rf"|(?:payee|beneficiary|empfänger|zahlungsempfänger){BETWEEN}(?:added|created|changed|hinzugefügt|angelegt|geändert)"
    rf"|{MONEY}{BETWEEN}(?:received|sent|made|initiated|confirmed|complete|completed|processed|authori[sz]ed|approved|placed|shipped"
    r"|ausgeführt|eingegangen|bestätigt|erhalten|autorisiert|veranlasst|gesendet|versandt)"
    rf"|(?:sent|made|initiated|authori[sz]ed|approved) (?:a|an|your|the) (?:new )?{MONEY}"
    r"|new (?:payee|beneficiary|e-?mail address|phone number)|neue[rn]? (?:zahlungsempfänger|empfänger|e-?mail-?adresse|handynummer"
    r"|telefonnummer)"
    r"|(?:new|unusual|unrecogni[sz]ed|suspicious|neue[rns]?|ungewöhnliche[rns]?) (?:sign-?in|log-?in|device|anmeldung|gerät)"
    r"|(?:security|fraud) (?:alert|notice|warning)|sicherheits(?:hinweis|warnung|meldung)|debited|charged|abgebucht|belastet"
    r"|sim card|sim-karte|esim)\b"
)
SENSITIVE = re.compile(
    r"\b(?:payee|beneficiary|wire transfer|iban|phone number|(?:one-?time|verification|security|sign-?in|log-?in) (?:pass)?code"
    r"|zahlungsempfänger|überweisung|handynummer|telefonnummer|(?:einmal|sicherheits|bestätigungs|anmelde)-?code|m?tan)\b"
)


def is_subscription(summary: Summary) -> bool:
    """Whether a form or a list sent a message, as in a subscription flood, and it is no alert."""
    words, subject = " ".join(top_of(summary).split()), " ".join(summary.subject.casefold().split())
    if ALERTING.search(words):
        return False
    if SIGNED_UP.search(f"{subject} {' '.join(summary.text[:NEAR].casefold().split())}"):
        return True
    bulk = summary.automatic.startswith("list-") or summary.automatic in BULK_FIELDS
    return (bulk or NAMED_AS_ONE.search(subject) is not None) and SENSITIVE.search(words) is None


def arrived_during_flood(count: int) -> Signal:
    """Returns the signal of a message that a mail bomb may be meant to hide."""
    words = say_count(
        "Arrived during a flood of {count} message to this folder. The flood may be there to hide this message: call the recipient.",
        "Arrived during a flood of {count} messages to this folder. The flood may be there to hide this message: call the recipient.",
        count=count,
    )
    return Signal(DURING_FLOOD, words, 0, (str(count),))
