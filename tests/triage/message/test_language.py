"""The language of a text, by its letters or its common words."""

import pytest

from triage.message.language import find_language

SAID = {
    "en": "Please find attached the invoice for your order. We will be happy to answer if you have any questions.",
    "de": "Bitte finden Sie die Rechnung für Ihre Bestellung im Anhang. Wir freuen uns auf eine Antwort von Ihnen.",
    "fr": "Veuillez trouver la facture pour votre commande. Nous vous remercions et restons à votre service avec le sourire.",
    "es": "Le enviamos la factura de su pedido con los datos del banco. Gracias por la confianza en nuestro equipo.",
    "it": "La fattura per il suo ordine è in allegato. Grazie della fiducia che ha in noi, non esiti con le domande.",
    "nl": "De factuur voor uw bestelling is bij dit bericht gevoegd. Wij zijn graag bereid om u te helpen met vragen.",
    "pl": "Faktura za zamówienie jest w załączniku. Proszę o płatność do końca tygodnia, bo to nie jest możliwe później i już.",
    "ru": "Счёт за ваш заказ находится во вложении. С уважением.",
    "ja": "ご注文の請求書を添付いたします。よろしくお願いいたします。",
    "zh": "您的订单发票在附件中。谢谢。",
    "": "Invoice 4711, 12.50 EUR",
}


@pytest.mark.parametrize(("language", "text"), SAID.items())
def test_the_language_of_a_text(language: str, text: str) -> None:
    assert find_language(text) == language
