"""What Mailroom says in other languages: every sentence of the code is known to each, with the same values in it."""

import re

import pytest

from triage.text.i18n import ENGLISH, GAP, JOINS, LANGUAGES, LONGEST, asked, catalogue, said

OTHERS = [code for code in LANGUAGES if code != ENGLISH]


@pytest.mark.parametrize("language", OTHERS)
def test_values_and_forms_agree(language: str) -> None:
    wrong = []
    for english, here in (line for name, part in catalogue(language).items() if name != JOINS for line in part.items()):
        gaps = {str(number) for number in range(1, 1 + len(GAP.findall(english)))} | set(re.findall(r"\{(\w+)\}", english))
        forms = here.split("|")
        if not here or any(set(re.findall(r"\{(\w*)\}", form)) != gaps for form in forms) or len(forms) not in (1, 2):
            wrong.append((english, here))
    assert wrong == []


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("Released by Maria K. 4 seconds ago.", "Maria K. hat sie vor 4 Sekunden freigegeben."),
        (
            "pond.example proves that it sent this: DMARC passes by SPF and DKIM.",
            "pond.example hat sie nachweislich geschickt: DMARC besteht durch SPF und DKIM.",
        ),
        (
            "Purged, and its sender blocked, by Maria K. 4 seconds ago.",
            "Maria K. hat sie vor 4 Sekunden entfernt und den Absender gesperrt.",
        ),
        ("Released by Maria K. 1 hour ago.", "Maria K. hat sie vor 1 Stunde freigegeben."),
        ("Released 1 mail.", "1 Mail freigegeben."),
        (
            "Released “Held; Undone.” to ann@corp.example; 1,234 in flight; dell.com allowed for the department it.",
            "„Held; Undone.“ freigegeben an ann@corp.example; 1.234 unterwegs; dell.com zugelassen für die Abteilung it.",
        ),
        ("Purged 3 mails; 1 being taken out of mailboxes.", "3 Mails entfernt; 1 wird aus Postfächern genommen."),
        (
            "Taken out of the mailbox a@b. It lay in INBOX, read and answered; in Archive, unread.",
            "Aus dem Postfach a@b genommen. Sie lag in INBOX, gelesen und beantwortet; in Archive, ungelesen.",
        ),
        ("Ana: redirect to bob@corp.example: held back too long", "Ana: Umleitung an bob@corp.example: held back too long"),
        (
            "Ana asks for a second key: purge 3 mails and block the domain. Two are needed because it reaches into many mailboxes.",
            "Ana bittet um einen zweiten Schlüssel: 3 Mails entfernen und die Domain sperren. "
            "Zwei braucht es, denn es greift in viele Postfächer.",
        ),
        (
            "14 people, 212 mails in 90 days, 200 of them DMARC pass (3 more without proof stay out): allow dell.com for the company?",
            "14 Personen, 212 Mails in 90 Tagen, bei 200 davon besteht DMARC (3 weitere ohne Nachweis bleiben draußen): "
            "dell.com für die Firma zulassen?",
        ),
        (
            "Arrived for joe@corp.example: nobody here knows a@b.example yet. It goes to mara@corp.example: Ana made a rule for such mail. "
            "It was addressed to the old department it: Joe Fern works elsewhere now.",
            "Angekommen für joe@corp.example: a@b.example kennt hier noch niemand. Sie geht an mara@corp.example: Ana hat dafür eine Regel "
            "gemacht. Sie war an die frühere Abteilung it gerichtet: Joe Fern arbeitet jetzt anderswo.",
        ),
        ("Bea blocked x.example on 24 Nov 2026", "Bea hat x.example am 24. Nov. 2026 gesperrt"),
        (
            "At full hours 2.5 waited on average, and at most 1,200: on Monday, 24 Nov, 09:00.",
            "Zu vollen Stunden warteten im Mittel 2,5 und höchstens 1.200: am Montag, 24. Nov., 09:00.",
        ),
        (
            "it refuses STARTTLS: 454 4.7.0 TLS not available, and messages go there over verified TLS only",
            "er lehnt STARTTLS ab: 454 4.7.0 TLS not available, und Nachrichten gehen nur über geprüftes TLS dorthin",
        ),
        (
            "Tried again later: Mailroom cannot sign in to the mailboxes: whoever runs Mailroom can put it right",
            "Später noch einmal: Mailroom kann sich an den Postfächern nicht anmelden: Wer Mailroom betreibt, kann das beheben",
        ),
        ("nobody knows this sentence of 2026.", "nobody knows this sentence of 2026."),
        ("", ""),
    ],
)
def test_said_in_german(english: str, german: str) -> None:
    assert said(english, "de") == german
    assert said(english, ENGLISH) == english


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("fr, de;q=0.5, en;q=0.7", "en"),
        ("fr", "en"),
        ("de;q=0", "en"),
        ("*", "en"),
        ("de;q=often", "en"),
    ],
)
def test_the_language_asked_for(accepted: str, language: str) -> None:
    assert asked(accepted) == language


@pytest.mark.parametrize("part", ["Released ", "; and . , ", "a wrote to b on 24 Nov 2026, and ", "“, . ; : ", "line 1: ", "A link: "])
def test_a_text_that_fits_everywhere_is_left_alone(part: str) -> None:
    text = part * 2000
    assert said(text, "de") == text
    assert said(text[:LONGEST], "de")
