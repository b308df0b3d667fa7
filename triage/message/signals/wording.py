"""Words by which mail asks for money or for secrets, in English, German, French and Spanish."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from triage.message.signals.signal_context import Seen, Signal
from triage.say import say


@dataclass(frozen=True, slots=True)
class Wording:
    """Ways to say one thing, and the openings of words of which each way holds one out of every set: looked for first, it takes no time."""

    needs: tuple[frozenset[str], ...]
    ways: re.Pattern[str]

    def spoken(self, seen: Seen) -> str:
        """Returns the words that match, "" when none do."""
        if any(seen.openings.isdisjoint(one) for one in self.needs):
            return ""
        found = self.ways.search(seen.words)
        return found[0][:100] if found else ""


def make_wording(needs: tuple[str, ...], *ways: str) -> Wording:
    """`needs`: sets of openings, each written as one text."""
    return Wording(tuple(frozenset(one.split()) for one in needs), re.compile("|".join(rf"\b(?:{way})" for way in ways)))


THE = (  # words of no weight
    r"(?: (?:to|of|in|our|your|my|the|his|her|company|unserer?|ihrer?|meiner?|die|der|das|de|des|du|nos|notre|los|las|nuestr[oa]s?|su))"
    r"{0,3} "
)
BANK = r"(?:bank(?:ing)?(?: account)?(?: details?| information| info)|bank account|account details|wire (?:details|instructions)|iban)"
KONTO = r"(?:bankverbindung|bankdaten|kontodaten|kontoverbindung|iban)"
COMPTE = r"(?:rib|iban|coordonnées bancaires|compte bancaire)"
CUENTA = r"(?:datos bancarios|cuenta bancaria|número de cuenta|iban)"
BANK_DETAILS = make_wording(
    ("bank iban acco wire kont rib banc comp cuen núme",),
    rf"(?:new|changed?|changing|updated?|updating|different|switche?d?|moved){THE}{BANK}\b",
    rf"{BANK} (?:(?:has|have|was|were|is|are) )?(?:been |being )?(?:changed|updated|moved|new)\b",
    rf"(?:neue|geänderte|aktualisierte)[nrms]? {KONTO}\b",
    rf"{KONTO}\b.{{0,30}}\b(?:geändert|gewechselt|aktualisiert|ändern)",
    rf"(?:änderung|wechsel|aktualisierung){THE}{KONTO}\b",
    rf"(?:nouveau|nouvelles?|changement|modification){THE}{COMPTE}\b",
    rf"{COMPTE}\b.{{0,30}}\b(?:changé|modifié|mis à jour)",
    rf"(?:nuev[oa]s?|cambio|actualización){THE}{CUENTA}\b",
    rf"{CUENTA}\b.{{0,30}}\b(?:cambiado|actualizado|modificado)",
)
PAYMENT = (
    r"(?:payments?|wire(?: transfer)?|bank transfer|outstanding (?:invoice|balance)|overdue invoice|zahlung(?:en)?|überweisung(?:en)?"
    r"|virements?|paiements?|règlement|transferencias?|pagos?)\b"
)
URGENT = (
    r"(?:urgent(?:ly)?|asap|immediate(?:ly)?|right away|before noon|(?:end of|by) today|dringende?[rns]?|sofort(?:ige)?[rns]?|umgehend\w*"
    r"|eilig\w*|urgente(?:mente)?|immédiate?(?:ment)?|de toute urgence|inmediat[oa](?:mente)?|hoy mismo)\b"
)
URGENT_PAYMENT = make_wording(
    (
        "urge asap imme away noon toda drin sofo umge eili immé inme mism",
        "paym wire tran invo bala zahl über vire paie règl pago",
    ),
    rf"{URGENT}.{{0,60}}\b{PAYMENT}",
    rf"{PAYMENT}.{{0,60}}\b{URGENT}",
)
GIFT_CARDS = make_wording(
    ("gift itun play stea appl guts gesc guth cade rega",),
    r"e?-?gift ?cards?\b",
    r"(?:itunes|google play|steam|apple) cards?\b",
    r"(?:gutschein|geschenk|guthaben)karten?\b",
    r"geschenkgutscheine?n?\b",
    r"(?:cartes?|chèques?)[- ]cadeaux?\b",
    r"tarjetas? (?:de )?regalo\b",
)
ACCOUNT = r"(?:(?!your\b|the\b)[\w-]+ ){0,1}(?:account|mail ?box|e-?mail|password|identity|sign-?in|log-?in|credentials|wallet|apple id)\b"
POSTFACH = r"(?:[\w-]+ ){0,1}(?:konto|postfach|kennwort|passwort|zugang|e-?mail)\w*"
BOITE = r"(?:compte|mot de passe|boîte|adresse)\b"
BUZON = r"(?:cuenta|contraseña|buzón|correo)\b"
SECRETS = make_wording(
    (
        "veri conf vali upda unlo rest re reac secu upgr susp lock limi disa bloc clos de deac term expi full hold unus best akti ents"
        " über gesp eing deak abge läuf véri débl réac bloq dési actu desb desa cadu",
        "acco mail e emai pass acce serv prof iden sign log logi cred wall appl kont post kenn zuga comp mot boît adre cuen cont buzó corr",
    ),
    rf"(?:verify|confirm|validate|update|unlock|restore|re-?activate|secure|upgrade) (?:your|the|my) {ACCOUNT}",
    r"(?:account|mail ?box|password|access|service|profile) (?:is|has been|was|will be|has|is about to|is temporarily|is almost) (?:be )?"
    r"(?:suspended|locked|limited|disabled|restricted|blocked|closed|de-?activated|terminated|expired?|full|on hold)\b",
    r"unusual (?:sign-?in|log-?in|account)?\s?activity\b",
    r"password (?:will |is about to |has )?expires?d?\b",
    rf"(?:bestätigen|verifizieren|aktualisieren|entsperren|überprüfen) sie (?:bitte |jetzt )?ihre?[nms]? {POSTFACH}",
    r"(?:konto|postfach|kennwort|passwort|zugang)\b.{0,40}\b(?:gesperrt|eingeschränkt|deaktiviert|abgelaufen|läuft ab)\b",
    rf"(?:vérifi|confirm|valid|débloqu|réactiv)(?:e[rz]|ons) (?:votre|vos) {BOITE}",
    r"(?:compte|mot de passe|boîte)\b.{0,40}\b(?:suspendu|bloqué|limité|désactivé|expiré)e?\b",
    rf"(?:verifi(?:que|car)|confirm(?:e|ar)|valid(?:e|ar)|actuali(?:ce|zar)|desbloque(?:e|ar)) (?:su|tu) {BUZON}",
    r"(?:cuenta|contraseña|buzón)\b.{0,40}\b(?:suspendid|bloquead|limitad|desactivad|caducad)[oa]\b",
)


def asking_for_money(seen: Seen) -> Iterable[Signal]:
    """New bank details, an urgent payment, gift cards."""
    if found := BANK_DETAILS.spoken(seen):
        yield Signal("bank-details", say("Mentions new bank details: “{found}”.", found=found), 25, (found,))
    if found := URGENT_PAYMENT.spoken(seen):
        yield Signal("urgent-payment", say("Presses for a payment: “{found}”.", found=found), 20, (found,))
    if found := GIFT_CARDS.spoken(seen):
        yield Signal("gift-cards", say("Mentions gift cards: “{found}”.", found=found), 15, (found,))


def asking_for_secrets(seen: Seen) -> Iterable[Signal]:
    """Yields a signal when the message wants somebody to confirm an account or a password."""
    if found := SECRETS.spoken(seen):
        yield Signal("asks-for-secrets", say("Asks you to act on an account or password: “{found}”.", found=found), 15, (found,))
