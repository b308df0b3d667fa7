"""Messages that make up a subscription flood, and the ones that it is meant to hide."""

from dataclasses import replace

import pytest

from triage.message.summary import Summary
from triage.quarantine.campaigns.subscriptions import is_subscription

PLAIN = Summary(parsed=True, author="hello@shop.example")
MADE_OF = [
    "Confirm your subscription",
    "Please verify your email address",
    "Thank you for signing up!",
    "You are now subscribed",
    "Bitte bestätigen Sie Ihre Anmeldung",
    "Vielen Dank für Ihre Registrierung",
    "Schließen Sie Ihre Anmeldung ab: Anmeldung abschließen",
    "Confirm your account. Your account will not be changed until you confirm",
    "Complete your registration. Create a password; it can be changed later",
    "Thank you for signing up! Your account has been created",
    "Confirm your subscription. Your email has been added to our list; stay updated",
    "Thank you for signing up! Your first order ships free; newsletter confirmed",
]
NAMED = ["Welcome to Harbour Shop", "Our newsletter in May", "Willkommen bei der Hafenpost"]
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
    "A wire of $9,800 was initiated. Manage your newsletter settings",
    "New payee added",
    "You sent a payment of 500 USD",
    "Your phone number was updated",
    "Confirm your new email address for your bank login",
    "Your one-time code: 123456",
    "Neuer Zahlungsempfänger angelegt",
]
FOOTER = "\n\nYou are now subscribed. Manage your newsletter settings. Welcome to Harbour Bank."
NEITHER = ["Lunch on Friday?", "Enquiry about 200 chairs", "Minutes of the meeting"]


@pytest.mark.parametrize("subject", MADE_OF)
def test_a_form_or_a_list_sent_it(subject: str) -> None:
    assert is_subscription(replace(PLAIN, subject=subject))
    assert is_subscription(replace(PLAIN, subject="Hello", text=subject))


@pytest.mark.parametrize("subject", NAMED)
def test_single_words_make_it_one_in_the_subject_alone(subject: str) -> None:
    assert is_subscription(replace(PLAIN, subject=subject))
    assert not is_subscription(replace(PLAIN, subject="Hello", text=subject))


@pytest.mark.parametrize("automatic", ["", "list-unsubscribe", "feedback-id"])
@pytest.mark.parametrize("subject", TO_HIDE)
def test_an_alert_is_none_whatever_its_header_says(subject: str, automatic: str) -> None:
    assert not is_subscription(replace(PLAIN, subject=subject, automatic=automatic))
    assert not is_subscription(replace(PLAIN, subject="Hello", text=f"{subject}{' ' * 200}{FOOTER}", automatic=automatic))


@pytest.mark.parametrize("subject", NEITHER)
def test_the_header_of_a_list_makes_it_one(subject: str) -> None:
    assert not is_subscription(replace(PLAIN, subject=subject))
    assert not is_subscription(replace(PLAIN, subject=subject, automatic="auto-submitted"))
    assert is_subscription(replace(PLAIN, subject=subject, automatic="list-unsubscribe"))


@pytest.mark.parametrize("subject", NEITHER)
@pytest.mark.parametrize("end", ["Ana Fern\nSubscribe to our newsletter", "Welcome to our stand in May", FOOTER])
def test_a_signature_and_a_footer_make_it_none(subject: str, end: str) -> None:
    text = f"Dear Joe,\n\n{'we would like to hear what two hundred chairs cost. ' * 5}\n--\n{end}"
    assert not is_subscription(replace(PLAIN, subject=subject, text=text))
