"""Pretexts of quiet phishing, in English and German, and messages of shops and providers that say the same and mean it."""

from pathlib import Path
from typing import Any

import pytest

from tests.triage.message.signals.seeing import NOW, by, looked_at, to
from tests.triage.messages import sample
from triage.message.authentication import Authentication
from triage.message.signals import pretexts
from triage.message.signals.signal_context import Met, Seen
from triage.message.signals.wording import Wording
from triage.message.summary import Summary, make_summary

NUMBER = "+1 (808) 555-0142"
SAID = {
    "call-about-charge": [
        f"Your Norton subscription has been renewed for $399. If you did not authorize this, call us at {NUMBER}.",
        f"Thank you for your purchase. To cancel the order contact our billing department {NUMBER}",
        f"USD 512.40 has been debited. Toll free help line: {NUMBER}",
        "Ihr Abonnement wurde verlängert, 389 € wurden abgebucht. Zum Stornieren rufen Sie uns an: 030 555 01 42 99",
    ],
    "order-elsewhere": [
        "Your Delivery is here! Ref:1",
        "Die Bestellung 1 hat sich verzögert.",
        "Your order has been confirmed and will be shipped today.",
        "Order confirmation",
        "Your package could not be delivered: reschedule your delivery.",
        "Ihre Sendung wartet auf die Bezahlung der Zollgebühr.",
        "Bestellbestätigung Nr. 4711",
    ],
    "account-ends": [
        "Your membership has been terminated.",
        "Your photos and videos will be permanently deleted today.",
        "Your cloud storage is full",
        "Ihr Abonnement ist abgelaufen.",
        "Ihre Fotos werden gelöscht",
        "Ihr Cloud-Speicher ist voll",
    ],
    "prize": [
        "Congratulations! You have been selected to receive a gift card.",
        "Claim your reward",
        "Your exclusive reward has arrived",
        "Herzlichen Glückwunsch, Sie wurden ausgewählt!",
        "Sichern Sie sich 150 Freispiele",
    ],
}
NOT_SAID = [
    "Our subscription with the news agency ends in March; shall we renew it?",
    "The order of the talks has changed, see below.",
    "Thank you for the call this morning. I will send the invoice tomorrow.",
    "Please delete the old files on the shared drive.",
    "You won the argument: we move the meeting to Monday.",
    "Die Bestellung für den Kopierer muss noch unterschrieben werden.",
    "Das Konto 4711 schließen wir im Hauptbuch ab.",
]
SHOP: dict[str, Any] = by("orders@harbour-shop.example", "Harbour Shop") | {"links": to("https://www.harbour-shop.example/orders")}
PRETEXTS = set(SAID)


def seen(met: Met = Met(), **changes: Any) -> dict[str, str]:  # noqa: B008 - a value
    """The signals of a message from somebody whose messages were never let in."""
    return {name: signal.sentence for name, signal in looked_at(beside={"met": met}, **changes).items()}


@pytest.mark.parametrize(("name", "words"), [(name, words) for name, some in SAID.items() for words in some])
def test_what_a_pretext_says(name: str, words: str) -> None:
    assert name in seen(subject="Hello", text=words)
    assert name in seen(subject=words, text=f"Dear customer {NUMBER}" if name == "call-about-charge" else "Dear customer")


@pytest.mark.parametrize("words", NOT_SAID)
def test_what_only_sounds_like_it(words: str) -> None:
    assert not PRETEXTS & seen(subject="Hello", text=words).keys()


@pytest.mark.parametrize("words", [one for name in ("order-elsewhere", "account-ends", "prize") for one in SAID[name]])
def test_the_shop_itself_may_say_so(words: str) -> None:
    assert not PRETEXTS & seen(subject="Harbour Shop", text=words, **SHOP).keys()


def test_a_number_to_call_counts_where_something_can_be_stopped_or_the_sender_fits_nothing() -> None:
    paid = f"Thank you for your purchase. Customer support: {NUMBER}."
    assert "call-about-charge" not in seen(text=paid, **SHOP)
    assert "call-about-charge" in seen(text=f"{paid} If you did not place this order, call us.", **SHOP)
    assert "call-about-charge" not in seen(text=paid.replace(NUMBER, "order 12-34"))


def test_an_account_that_asks_for_secrets_is_said_once() -> None:
    assert not {"account-ends"} & seen(text="Your account has been suspended.").keys()


SPOKEN = [
    (
        pretexts.CHARGED,
        ["You have been deducted 20 EUR; customer care", "Abo wurde erneuert; Kunde", "Vertrag wurde erneuert; Kunde"],
    ),
    (pretexts.TO_CALL, ["customer service 080", "billing team 080"]),
    (pretexts.TO_CANCEL, ["stop the payment", "reverse the charge", "if you haven't placed it", "if you don't place it", "nie bestellt"]),
    (pretexts.TO_CANCEL, ["Rückerstattung"]),
    (pretexts.ENDING, ["Ihr Abo wird beendet", "Your email has been deactivated"]),
    (pretexts.PRIZE, ["eligible to win a card", "collect my allocation", "Ihr Preis wartet"]),
]


@pytest.mark.parametrize(("wording", "words"), [(wording, words) for wording, some in SPOKEN for words in some])
def test_what_is_looked_for_by_its_openings_is_found(wording: Wording, words: str) -> None:
    beside = Seen(Summary(text=words), Authentication(""), NOW)
    assert wording.ways.search(beside.words)
    assert wording.spoken(beside)


LETTER = "Ihre Bestellung wurde heute versandt.\n\nGruß\nPeter Müller, Kontrapunkt GmbH"


def test_a_person_of_a_company_may_write_of_an_order() -> None:
    mine = by("mueller@kontrapunkt-gmbh.example", "Peter Müller")
    assert not PRETEXTS & seen(text=LETTER, **mine).keys()
    elsewhere = seen(text=LETTER.replace("Kontrapunkt", "www.kontrapunkt-gmbh.example"), **mine)
    assert elsewhere["order-elsewhere"].endswith("is not from a domain that fits its words.")
    assert not PRETEXTS & seen(Met(True, True), text="Your order has been confirmed").keys(), "proven, and let in before"


@pytest.mark.corpus
@pytest.mark.parametrize(("archive", "most"), [("mail-phish", 60), ("mail-other", 0)])
def test_what_real_messages_say(corpus: Path, archive: str, most: int) -> None:
    found = []
    for path, raw in sample(corpus, archive):
        summary = make_summary(raw) if "/spam/" not in path else Summary()
        beside = Seen(summary, Authentication(summary.author), NOW)
        found += [path for signal in (*pretexts.find_call_about_charge(beside), *pretexts.find_pretexts(beside))]
    assert most // 10 <= len(found) <= most
