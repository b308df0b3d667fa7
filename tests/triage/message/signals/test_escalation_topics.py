"""Threats, legal deadlines and requests about personal data, and messages that only sound like them."""

from pathlib import Path

import pytest

from tests.triage.message.signals.seeing import NOW, PROVEN, looked_at, seen
from tests.triage.messages import from_archive
from triage.message.signals.escalation_topics import find_threat, setting_deadlines
from triage.message.signals.severity import UNCLEAR_FROM
from triage.message.signals.signal_context import Seen
from triage.message.summary import make_summary

SAID = {
    "threat": [
        "We have encrypted your files. Pay 2 bitcoin within 48 hours or we will publish your data.",
        "All your servers have been encrypted. For the decryption key send 5 BTC to this wallet.",
        "I recorded you through your camera. Transfer $1400 in bitcoin and I delete the video.",
        "Your account is hacked. My bitcoin wallet is below.",
        "If you do not pay by Friday, we will leak everything.",
        "I will kill you.",
        "I'm going to hurt your family",
        "There is a bomb in the lobby.",
        "We know where you live.",
        "Wir haben Ihre Daten verschlüsselt. Zahlen Sie 3 Bitcoin, sonst veröffentlichen wir sie.",
        "Ihre Server wurden gehackt. Das Lösegeld beträgt 50.000 Euro in Monero.",
        "Zahlen Sie bis Freitag, andernfalls werden Ihre Unterlagen veröffentlicht.",
        "Ich werde dich umbringen.",
        "Ich bringe euch alle um!",
        "Ich weiß, wo du wohnst.",
        "In Ihrem Haus haben wir eine Bombe versteckt. Die Bombe wurde gut versteckt.",
    ],
    "legal-deadline": [
        "You are hereby summoned to appear before the court.",
        "Subpoena duces tecum",
        "You must immediately cease and desist from using our mark.",
        "This is a letter before action.",
        "Unless you reply within 14 days, we will commence legal proceedings.",
        "The particulars of claim are attached.",
        "Antwort unter Fristsetzung bis zum 12. Dezember",
        "Wir setzen Ihnen hiermit eine Frist bis zum 12. Dezember.",
        "Anbei der Mahnbescheid.",
        "Ladung zum Termin vor dem Arbeitsgericht",
        "Das Landgericht Köln hat folgenden Beschluss gefasst",
        "Bitte unterzeichnen Sie die Unterlassungserklärung.",
        "Sie erhalten hiermit eine Abmahnung.",
    ],
    "data-request": [
        "I hereby request access to my personal data under Art. 15 GDPR.",
        "Under Article 17 of the GDPR I demand the erasure of everything you hold.",
        "Please treat this as a subject access request.",
        "Subject access request for Ann Lee",
        "Please delete all my personal data.",
        "Hiermit bitte ich um Auskunft nach Art. 15 DSGVO.",
        "Ich verlange Löschung der zu meiner Person gespeicherten Daten.",
        "Auskunftsersuchen",
        "Bitte löschen Sie alle meine personenbezogenen Daten.",
    ],
}
NOT_SAID = [
    "I'll shoot you an email tomorrow.",
    "What doesn't kill you makes you stronger.",
    "We will beat your best price.",
    "Your data is encrypted in transit and at rest.",
    "Bitcoin rises again: is it time to buy?",
    "Companies pay more ransom than ever, says a report.",
    "We share your data with nobody.",
    "The bomb was defused in 1945, the museum says.",
    "The court is booked for tennis within 14 days.",
    "We took note of the new regulations.",
    "You have the right of access (Art. 15 GDPR) and the right to erasure (Art. 17 GDPR).",
    "Sie haben das Recht auf Auskunft gemäß Art. 15 DSGVO und auf Löschung gemäß Art. 17 DSGVO.",
    "Our privacy notice describes how we process personal data under the GDPR.",
    "Die Frist läuft am Freitag ab.",
    "Bitte zahlen Sie bis Freitag, sonst fallen Mahngebühren an.",
    "Das Gericht des Tages: Linsen mit Spätzle",
    "Wir bringen Sie um 9 Uhr zum Flughafen.",
    "Ich bringe euch um neun zum Bahnhof.",
    "Letzte Mahnung: Ihre Rechnung ist offen.",
]


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in SAID.items() for text in texts])
def test_what_is_said(name: str, text: str) -> None:
    found = looked_at(text=f"Dear Ida,\n\n{text}\n\nAnn")
    assert name in found
    assert found[name].evidence[0] in " ".join(text.casefold().split())
    assert found[name].weight < UNCLEAR_FROM  # alone it makes no message look bad


@pytest.mark.parametrize("text", NOT_SAID)
def test_what_is_not_said(text: str) -> None:
    assert {"threat", "legal-deadline", "data-request"}.isdisjoint(seen(text=f"Dear Ida,\n\n{text}\n\nAnn"))


WANTED = ("/ham/", "/hard-ham/", "/ham-corporate/")


@pytest.mark.corpus
def test_wanted_messages_are_no_threats(corpus: Path) -> None:
    looked, wrong = 0, []
    for name, raw in from_archive(corpus, "mail-other"):
        if any(part in name for part in WANTED):
            looked += 1
            message = Seen(make_summary(raw), PROVEN, NOW)
            wrong += [one.name for one in (*find_threat(message), *setting_deadlines(message))]
    assert looked > 400
    assert wrong == []
