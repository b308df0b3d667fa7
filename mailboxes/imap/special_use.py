"""Purpose of a folder: by its SPECIAL-USE attribute (RFC 6154), else by its name in many languages."""

import unicodedata
from collections.abc import Iterable

ATTRIBUTES = {b"\\sent": "sent", b"\\drafts": "drafts", b"\\junk": "junk", b"\\trash": "trash"}
SENT = {  # as Outlook, Exchange, Thunderbird, Apple Mail, Gmail, Roundcube and Horde call it
    "English": ("Sent", "Sent Items", "Sent Messages", "Sent Mail", "Sent-Mail", "Sentmail", "Sent Objects"),
    "German": ("Gesendet", "Gesendete", "Gesendete Elemente", "Gesendete Objekte", "Gesendete Nachrichten", "Gesendete Mails"),
    "French": ("Envoyés", "Envoyé", "Éléments envoyés", "Messages envoyés", "Courriers envoyés", "Objets envoyés"),
    "Spanish": ("Enviados", "Enviado", "Elementos enviados", "Mensajes enviados", "Correo enviado"),
    "Italian": ("Inviati", "Inviata", "Posta inviata", "Elementi inviati", "Messaggi inviati"),
    "Portuguese": ("Enviadas", "Itens enviados", "Mensagens enviadas", "E-mails enviados", "Correio enviado"),
    "Catalan": ("Enviats", "Elements enviats", "Missatges enviats"),
    "Dutch": ("Verzonden", "Verzonden items", "Verzonden berichten", "Verstuurd"),
    "Danish": ("Sendt", "Sendt post", "Sendte elementer", "Sendte beskeder"),
    "Norwegian": ("Sendte", "Sendte meldinger", "Sende element", "Sendt e-post"),
    "Swedish": ("Skickat", "Skickade", "Skickade objekt", "Skickade meddelanden"),
    "Finnish": ("Lähetetyt", "Lähetetyt kohteet", "Lähetetyt viestit"),
    "Estonian": ("Saadetud", "Saadetud üksused", "Saadetud kirjad"),
    "Latvian": ("Nosūtītie", "Nosūtītās", "Nosūtītie vienumi"),
    "Lithuanian": ("Išsiųsta", "Išsiųsti", "Išsiųsti elementai", "Išsiųsti laiškai"),
    "Polish": ("Wysłane", "Elementy wysłane", "Wysłane elementy"),
    "Czech": ("Odeslané", "Odeslaná pošta", "Odeslané položky", "Odeslané zprávy"),
    "Slovak": ("Odoslané", "Odoslaná pošta", "Odoslané položky"),
    "Hungarian": ("Elküldött", "Elküldöttek", "Elküldött elemek", "Elküldött üzenetek", "Elküldött levelek"),
    "Romanian": ("Trimise", "Elemente trimise", "Mesaje trimise"),
    "Croatian and Slovene": ("Poslano", "Poslane stavke", "Poslane poruke", "Poslana pošta"),
    "Bulgarian": ("Изпратени", "Изпратени елементи"),
    "Russian": ("Отправленные", "Отправленные элементы", "Отправленная почта"),
    "Ukrainian": ("Надіслані", "Надіслані елементи", "Відправлені"),
    "Greek": ("Απεσταλμένα", "Στοιχεία απεσταλμένων"),
    "Turkish": ("Gönderilmiş", "Gönderilmiş Öğeler", "Gönderilenler", "Gönderilmiş Postalar"),
    "Hebrew": ("פריטים שנשלחו", "נשלח", "דואר שנשלח"),
    "Arabic": ("العناصر المرسلة", "المرسلة", "البريد المرسل"),
    "Japanese": ("送信済み", "送信済みアイテム", "送信済みメール", "送信済みトレイ"),
    "Chinese": ("已发送", "已发送邮件", "已发送项目", "已发邮件", "寄件備份", "已傳送的郵件", "已傳送"),
    "Korean": ("보낸편지함", "보낸 편지함", "보낸메일함", "보낸 메일함", "보낸 항목"),
}


def fold_name(name: str) -> str:
    """A name without differences of case, of composed letters and of spaces."""
    return " ".join(unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()).split())


SENT_NAMES = frozenset(fold_name(name) for names in SENT.values() for name in names)


def use_of(attributes: Iterable[bytes], path: Iterable[str]) -> str:
    """Returns the use of the folder at this path; folders below a sent folder (one for each year, say) were sent too."""
    by_attribute = next((use for one in attributes if (use := ATTRIBUTES.get(one.lower()))), "")
    steps = [fold_name(step) for step in path]
    if by_attribute or not steps:
        return by_attribute
    if any(step in SENT_NAMES for step in steps):
        return "sent"
    return "inbox" if steps == ["inbox"] else ""
