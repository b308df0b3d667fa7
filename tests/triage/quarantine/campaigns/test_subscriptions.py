"""Which messages a subscription flood is made of, and which ones it is to hide."""

from dataclasses import replace

import pytest

from triage.message.summary import Summary
from triage.quarantine.campaigns.subscriptions import is_subscription

PLAIN = Summary(parsed=True, author="hello@shop.example")
MADE_OF = [
    "Confirm your subscription",
    "Please verify your email address",
    "Thank you for signing up!",
    "Welcome to Harbour Shop",
    "You are now subscribed",
    "Bitte bestätigen Sie Ihre Anmeldung",
    "Vielen Dank für Ihre Registrierung",
    "Willkommen bei der Hafenpost",
]
TO_HIDE = [
    "Your password was changed",
    "New sign-in from Chrome on Windows",
    "Your transfer of 9,800 EUR has been completed. Welcome to online banking",
    "Thank you for registering: your card was charged with 899 USD",
    "Security alert",
    "Your account e-mail was changed",
    "Ihre Überweisung wurde ausgeführt",
    "Ihr Passwort wurde geändert",
    "Neue Anmeldung von einem unbekannten Gerät",
    "Neue SIM-Karte aktiviert",
]
NEITHER = ["Lunch on Friday?", "Enquiry about 200 chairs", "Minutes of the meeting"]


@pytest.mark.parametrize("subject", MADE_OF)
def test_a_form_or_a_list_sent_it(subject: str) -> None:
    assert is_subscription(replace(PLAIN, subject=subject))
    assert is_subscription(replace(PLAIN, subject="Hello", text=subject))


@pytest.mark.parametrize("automatic", ["", "list-unsubscribe", "feedback-id"])
@pytest.mark.parametrize("subject", TO_HIDE)
def test_an_alert_is_none_whatever_its_header_says(subject: str, automatic: str) -> None:
    assert not is_subscription(replace(PLAIN, subject=subject, automatic=automatic))


@pytest.mark.parametrize("subject", NEITHER)
def test_the_header_of_a_list_makes_it_one(subject: str) -> None:
    assert not is_subscription(replace(PLAIN, subject=subject))
    assert not is_subscription(replace(PLAIN, subject=subject, automatic="auto-submitted"))
    assert is_subscription(replace(PLAIN, subject=subject, automatic="list-unsubscribe"))
