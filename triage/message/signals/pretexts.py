"""Pretexts of messages that carry neither a bad link nor a bad file: a charge to call about, an order, an account that ends, a prize."""

import re
from collections.abc import Iterable

from triage.message.signals.signal_context import Seen, Signal
from triage.message.signals.time_critical import fits_its_domain
from triage.message.signals.wording import SECRETS, make_wording
from triage.say import mark, say

PHONE = re.compile(r"(?<![\w@/=.-])\+?(?:\(\d{1,4}\)|\d)(?:[ \u00a0().\u2010-\u2015/-]{0,3}\d){8,14}(?![\w@-])")
CHARGED = make_wording(
    (
        "rene auto bill char debi invo orde purc paym subs memb tran abon mitg verl abge rech best kauf abbu zahl lize dedu abo erne vert",
        "call cont dial phon toll help hotl supp desk line anru rufe tele kund kont numb reac cust serv bill hot",
    ),
    r"(?:auto(?:matic)?[- ]?)?renew(?:al|ed|s)?\b",
    r"(?:auto[- ]?debit(?:ed)?|(?:has been|have been|was|were|will be|been) (?:successfully )?(?:charged|debited|billed|deducted))\b",
    r"(?:invoice|order|purchase|payment|transaction|subscription|membership)\b[^.!?]{0,80}\b(?:confirm|complete|process"
    r"|success|activ|receiv)\w*",
    r"(?:thank you|thanks) for (?:your|the) (?:order|purchase|payment|subscription)\b",
    r"(?:abonnement|abo|mitgliedschaft|lizenz|vertrag)\b[^.!?]{0,60}\b(?:verlängert|erneuert)\w*",
    r"(?:abgebucht|in rechnung gestellt|abbuchung)\b",
    r"(?:bestellung|kauf|zahlung)\b[^.!?]{0,60}\b(?:bestätigt|abgeschlossen|erfolgreich)\b",
)
TO_CALL = make_wording(
    ("call cont dial phon toll help hotl supp desk line anru rufe tele kund reac cust serv bill hot",),
    r"(?:please |kindly |immediately |feel free to )?(?:call|dial|phone|contact|reach)(?: out to)? (?:us|our|the|customer"
    r"|billing|support|now|on|at|this|\+?\(?\d)",
    r"toll[- ]?free\b",
    r"(?:help ?(?:line|desk)|hot ?line|customer (?:care|support|service)|support (?:team|number|line|desk)|billing (?:team"
    r"|department|support))\b[^.!?]{0,40}\d{3}",
    r"rufen sie (?:uns |bitte |sofort |umgehend |unsere[nm]? )",
    r"(?:kundendienst|kundenservice|hotline|support)\b[^.!?]{0,40}\d{3}",
    r"(?:telefonisch|per telefon) (?:stornieren|kündigen|widersprechen)\b",
)
TO_CANCEL = make_wording(
    ("canc disp refu auth unau reco did didn stor künd wide erst nich nie stop reve rück have plac do don",),
    r"(?:to |want to |wish to )?(?:cancel|dispute|stop|reverse)\b[^.!?]{0,60}\b(?:order|subscription|payment|renewal|charge"
    r"|transaction|membership|purchase|service|plan)",
    r"(?:if|in case) (?:you )?(?:did not|didn['’]t|have not|haven['’]t|do not|don['’]t)\b[^.!?]{0,40}\b(?:authori[sz]e"
    r"|recogni[sz]e|make|place|order|request|purchase)",
    r"unauthori[sz]ed\b",
    r"refund\b",
    r"(?:stornieren|kündigen|widerrufen|rückerstattung|erstattung)\b",
    r"(?:nicht|nie) (?:autorisiert|veranlasst|bestellt|beauftragt|getätigt|erkannt)\b",
)
ORDERED = make_wording(
    ("orde purc pack parc ship deli best auft send pake lief",),
    r"(?:your|the|this) (?:order|purchase|package|parcel|shipment|delivery)\b[^.!?]{0,40}\b(?:is|has been|was|will be"
    r"|could not be|cannot be|can['’]t be)? ?(?:confirmed|placed|processed|shipped|on hold|pending|suspended|waiting"
    r"|undelivered|delivered|held|returned|failed|ready)\b",
    r"your (?:order|package|parcel|shipment|delivery) is here\b",
    r"(?:order|purchase|delivery|shipment) (?:confirmation|confirmed|pending|failed|notification|on hold)\b",
    r"(?:confirm|reschedule|track|release) (?:your|the) (?:order|delivery|package|parcel|shipment)\b",
    r"(?:ihre?|deine?) (?:bestellung|sendung|paket|lieferung)\b[^.!?]{0,50}\b(?:bestätigt|versandt|verschickt"
    r"|zurückgehalten|unterwegs|verzögert|wartet|ausstehend|nicht zugestellt|bereit)\b",
    r"(?:die|ihre?|deine?) (?:bestellung|sendung|lieferung)\b[^.!?]{0,40}\b(?:hat sich verzögert|verzögert sich)\b",
    r"(?:bestellbestätigung|auftragsbestätigung|sendungsbenachrichtigung|lieferbestätigung)\b",
)
ACCOUNT = r"(?:account|mail ?box|e-?mail|membership|subscription|service|access|profile|storage|cloud|wallet)"
ENDING = make_wording(
    (
        "acco mail memb subs serv acce stor wall phot vide file clou data docu memo quot kont post spei mitg abon date foto zuga prof abo"
        " emai",
    ),
    rf"{ACCOUNT}\b[^.!?]{{0,40}}\b(?:terminat(?:ed|ion)|delet(?:ed|ion)|de-?activat(?:ed|ion)|clos(?:ed|ure)|cancell?(?:ed|ation)|suspen(?:ded|sion)"
    r"|shut down|expired|blocked)\b",
    r"(?:photos?|videos?|files?|data|documents?|memories)\b[^.!?]{0,40}\b(?:will|going to|scheduled to|may|are) be(?:ing)? "
    r"(?:permanently )?(?:deleted|lost|removed|erased)\b",
    r"(?:storage|cloud|i?cloud storage|mail ?box|quota)\b[^.!?]{0,30}\b(?:is |are |almost |nearly )(?:full|exceeded"
    r"|at capacity|reached)\b",
    r"(?:konto|postfach|zugang|mitgliedschaft|abonnement|abo|profil|speicher|cloud)\b[^.!?]{0,50}\b(?:gelöscht|geschlossen|gekündigt|beendet"
    r"|deaktiviert|gesperrt|eingestellt|abgelaufen)\b",
    r"(?:fotos?|videos?|dateien|daten)\b[^.!?]{0,50}\b(?:werden|können|könnten) (?:[\w]+ )?(?:gelöscht|entfernt|verloren)\b",
    r"(?:speicher|cloud|postfach|speicherplatz)\b[^.!?]{0,30}\b(?:ist |fast |vollständig )(?:voll|belegt|erschöpft)\b",
)
WON = r"(?:prize|gift|reward|card|bonus|free|token|airdrop|chance|cashback|winner)"
PRIZE = make_wording(
    (
        "cong winn won sele clai rede gift free bonu rewa priz give aird uncl rece chos glüc grat gewo gewi ausg ausw ause gesc frei"
        " will welc depo kein guts präm win elig card chan toke cash coll allo prei spin",
    ),
    rf"you(?:['’]ve| have)? (?:just )?(?:been (?:specially |randomly )?(?:selected|chosen)|won|received)\b[^.!?]{{0,60}}\b{WON}",
    rf"congratulations?\b[^.!?]{{0,60}}\b{WON}",
    rf"(?:claim|redeem|collect) (?:your|my) (?:exclusive |free |special |welcome )?(?:{WON}|allocation|spins)",
    rf"(?:chance|selected|eligible) to (?:win|receive|claim) (?:a|an|your|one)\b[^.!?]{{0,30}}\b{WON}",
    r"(?:your|exclusive)\b[^.!?]{0,25}\b(?:reward|gift|prize|bonus)s? (?:is |has |have |hasn['’]t )?(?:been )?(?:waiting"
    r"|ready|reserved|arrived|inside|for you|claimed)\b",
    r"(?:free spins|freispiele|willkommensbonus|welcome bonus|no deposit|airdrop|keine einzahlung)\b",
    r"(?:sie|du) (?:haben|hast|wurden|wurdest|gehör\w+)\b[^.!?]{0,50}\b(?:gewonnen|ausgewählt|auserwählt\w*|ausgelost)\b",
    r"(?:ihr|dein|ihren|deinen|ihre|deine|den) (?:gutschein|gewinn|bonus|prämie|geschenk|preis)\b[^.!?]{0,40}\b(?:sichern"
    r"|einlösen|abholen|wartet|gratis|kostenlos)\b",
    r"(?:wir )?gratulieren (?:ihnen|dir|recht) (?:recht )?herzlich\b",
)


def find_call_about_charge(seen: Seen) -> Iterable[Signal]:
    """Yields a signal when a message says that something was charged and gives a number to call, where they ask for money or access."""
    found = CHARGED.spoken(seen)
    number = PHONE.search(seen.words) if found and TO_CALL.spoken(seen) else None
    if number and (TO_CANCEL.spoken(seen) or not fits_its_domain(seen.summary)):
        words = say("Says that something was charged or renewed (“{found}”), and gives a number to call.", found=found)
        yield Signal("call-about-charge", words, 20, (found, number[0]))


def find_pretexts(seen: Seen) -> Iterable[Signal]:
    """An order, an account that ends or a prize, where the sender's domain fits nothing that it says: a real provider's is named in it.

    Not of a proven sender whose messages were accepted before.
    """
    if seen.authentication.proof and seen.met.accepted:
        return
    for name, wording, sentence in PRETEXTS:
        said_more = name == "account-ends" and SECRETS.spoken(seen)  # asks-for-secrets says it
        if not said_more and (found := wording.spoken(seen)) and not fits_its_domain(seen.summary, with_words=True):
            yield Signal(name, say(sentence, found=found), 15, (found,))


PRETEXTS = (
    ("order-elsewhere", ORDERED, mark("Confirms an order or a delivery (“{found}”), but is not from a domain that fits its words.")),
    ("account-ends", ENDING, mark("Says that an account or its content ends (“{found}”), but is not from a domain that fits its words.")),
    ("prize", PRIZE, mark("Promises a prize or a gift: “{found}”.")),
)
