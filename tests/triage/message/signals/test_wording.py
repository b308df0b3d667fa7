"""Words that ask for money or secrets, in four languages, and words that only sound like it."""

import pytest

from tests.triage.message.signals.seeing import looked_at, seen

SAID = {
    "bank-details": [
        "Please note our new bank details for all future payments.",
        "We have changed our bank account, see the letter.",
        "Our bank details have changed.",
        "We have updated our banking information.",
        "Bitte beachten Sie unsere neue Bankverbindung.",
        "Unsere Bankverbindung hat sich geändert.",
        "Änderung unserer Kontodaten",
        "Veuillez noter nos nouvelles coordonnées bancaires.",
        "Changement de RIB",
        "Nuestra cuenta bancaria ha cambiado: nuevos datos bancarios.",
        "Cambio de los datos bancarios",
    ],
    "urgent-payment": [
        "I need you to make an urgent wire transfer today.",
        "This payment must go out asap.",
        "Bitte führen Sie die Überweisung sofort aus.",
        "Dringende Zahlung",
        "Un virement urgent est nécessaire.",
        "Necesito una transferencia urgente.",
    ],
    "gift-cards": [
        "Can you get me some gift cards?",
        "I need iTunes cards for a client",
        "Bitte besorgen Sie Geschenkkarten.",
        "Achetez des cartes cadeaux",
        "Compra tarjetas regalo",
    ],
    "asks-for-secrets": [
        "Please verify your account.",
        "Confirm your e-mail password now",
        "Your mailbox is almost full",
        "Your account has been suspended.",
        "Unusual sign-in activity",
        "Your password will expire",
        "Bitte bestätigen Sie Ihr Konto.",
        "Ihr Postfach wurde gesperrt.",
        "Veuillez confirmer votre mot de passe",
        "Votre compte est suspendu",
        "Confirme su contraseña",
        "Su cuenta ha sido bloqueada",
    ],
}
NOT_SAID = [
    "The bank opens a new branch on the river bank.",
    "Our new account manager is Ann.",
    "I received your payment, thank you.",
    "No urgent matters today.",
    "The cards for the conference are at the desk.",
    "Your account statement for October",
    "The password of the meeting room door",
    "Die Zahlung ist angekommen.",
    "Le paiement a été reçu.",
    "El pago fue recibido.",
    "Wir bestätigen den Termin.",
    "La cuenta, por favor.",
]


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in SAID.items() for text in texts])
def test_what_is_said(name: str, text: str) -> None:
    found = looked_at(text=f"Dear Ida,\n\n{text}\n\nAnn")
    assert name in found
    assert found[name].evidence[0] in " ".join(text.casefold().split())


@pytest.mark.parametrize("text", NOT_SAID)
def test_what_is_not_said(text: str) -> None:
    assert seen(text=f"Dear Ida,\n\n{text}\n\nAnn") == {}


def test_the_subject_counts_and_line_ends_do_not_part_words() -> None:
    assert "bank-details" in seen(subject="New bank details")
    assert "bank-details" in seen(text="our new bank\ndetails")
