"""Threats, legal deadlines and requests about personal data, in English and German: what a duty has to see, and nobody is to remove."""

from collections.abc import Iterable

from triage.message.signals.signal_context import Seen, Signal
from triage.message.signals.wording import make_wording
from triage.say import say

SYSTEMS = (
    r"(?:files|data|network|servers?|(?:operating )?systems?|databases?|devices?|computers?|documents|backups?|accounts?|camera|webcam)"
)
SYSTEME = r"(?:daten|dateien|server|systeme?|netzwerke?|rechner|computer|geräte?|datenbanken?|konten|kamera)"
DONE = r"(?:hacked|encrypted|stolen|exfiltrated|infected|compromised)"
GETAN = r"(?:verschlüsselt|gestohlen|kopiert|heruntergeladen|gehackt|infiziert)"
COINS = r"(?:bitcoins?|btc|monero|xmr)"
DEMAND = make_wording(  # of money that nobody can trace, or for a key
    ("bitc btc mone xmr rans löse decr ents",),
    rf"(?:transfer|pay|send|deposit|wire|überweis\w+|zahl\w+|send\w+)\b.{{0,80}}\b{COINS}\b",
    rf"\d[\d.,]* ?(?:usd|eur|euros?|dollars?|\$|€)?(?: worth)?(?: in| of)? {COINS}\b",
    r"(?:bitcoin|btc) (?:address|wallet|adresse)\b",
    r"(?:pay|demand\w*) (?:\w+ ){0,2}ransom\b",
    r"lösegeld\w*\b",
    r"(?:decryption key|decryptor|decrypt (?:your|the|them)|entschlüssel\w+)\b",
)
HELD_OVER = make_wording(  # what is held over somebody
    (
        "hack encr stol exfi infe comp acce reco film vide shar send publ leak post vers gest kopi heru geha infi gefi aufg verö",
        "your you ihr ihre deie dein eure euer sie dich alle them",
    ),
    rf"your (?:\w+ ){{0,2}}{SYSTEMS} (?:is|are|was|were|has been|have been) (?:\w+ )?{DONE}\b",
    rf"(?:we|i)(?:'ve|’ve| have)?(?: also| already| successfully)? {DONE} (?:all )?(?:of )?your\b",
    rf"access to (?:all )?(?:of )?your (?:\w+ ){{0,2}}{SYSTEMS}\b",
    r"(?:recorded|filmed|video (?:of|showing how)|footage of) you\b",
    r"(?:share|send|publish|leak|release|post) (?:\w+ ){0,2}(?:videos?|footage|recordings?|data|files|documents)\b",
    rf"(?:wir haben|ich habe|haben wir|habe ich) (?:alle )?(?:ihre?|eure?|deine?)n? (?:\w+ ){{0,3}}{SYSTEME}\b.{{0,80}}\b{GETAN}\b",
    rf"(?:ihre?|eure?|deine?) (?:\w+ ){{0,2}}{SYSTEME} (?:wurden?|sind|ist) (?:\w+ )?{GETAN}\b",
    r"(?:sie|dich) (?:\w+ ){0,6}(?:gefilmt|aufgenommen)\b",
    r"(?:videos?|aufnahmen?|daten|dateien) (?:\w+ ){0,6}(?:veröffentlich\w+|verschick\w+)\b",
)
WILL = r"(?:we|i)(?:'ll|’ll| will|'m going to| am going to| are going to|'re going to)"
OR_ELSE = make_wording(
    ("pay tran zahl beza über", "publ leak rele shar expo dest sell verö zers vers"),
    rf"(?:if you (?:do not|don't|don’t|refuse to|fail to) (?:pay|transfer)|unless you pay)\b.{{0,120}}\b{WILL}"
    r" (?:publish|leak|release|share|expose|destroy|sell)\b",
    r"(?:zahlen sie|zahlst du|bezahlen sie|überweisen sie|zahlt ihr)\b.{0,160}\b(?:sonst|andernfalls|ansonsten|werden wir|werde ich)\b"
    r".{0,100}\b(?:veröffentlich\w+|zerstör\w+|verschick\w+)\b",
)
SOMEBODY = r"(?:you|your (?:family|wife|husband|children|kids|son|daughter|boss|colleagues?)|all of you)"
VIOLENCE = make_wording(
    ("kill murd stab hurt bomb expl live umbr töte abst ersc verp brin wohn wohs", "you your all bomb expl dich sie euch fami du ihr"),
    rf"{WILL} (?:\w+ )?(?:kill|murder|stab|hurt) {SOMEBODY}\b",
    r"(?:there is|(?:we|i)(?: have)? (?:placed|planted|hid|hidden)) (?:a |several )?(?:bombs?|explosives?)\b",
    r"(?:i|we) know where you (?:and your family )?live\b",
    r"(?:werde|werden) (?:ich |wir )?(?:dich|sie|euch|(?:deine|ihre|eure) familie) (?:\w+ ){0,2}"
    r"(?:umbringen|töten|abstechen|erschiessen|verprügeln)\b",
    r"(?:bringe|bring) (?:ich )?(?:dich|euch) (?:alle )?um(?=[.!?,;]|$)",
    r"(?:weiss|wissen)(?: wir| genau)?,? wo (?:du wohnst|sie wohnen|ihr wohnt)\b",
    r"bomben? (?:\w+ ){0,3}(?:gelegt|platziert|versteckt|deponiert)\b",
)
DAYS = r"(?:\d{1,2}|seven|ten|fourteen|thirty) (?:calendar |business |working )?days"
COURT = r"(?:amts|land|oberland|arbeits|verwaltungs|sozial|finanz|bundes)gericht\w*"
BEGIN = r"(?:(?:commence|issue|initiate|begin|start) (?:court|legal) proceedings|take (?:you to court|legal action))"
LEGAL_MATTERS = (
    make_wording(
        ("summ subp ceas",),
        r"you (?:are|have been) (?:hereby )?(?:summoned|subpoenaed) to (?:appear|testify|produce|attend)\b",
        r"(?:summons in a civil action|writ of summons|subpoena (?:duces tecum|to (?:testify|produce|appear)))\b",
        r"you (?:must|are (?:hereby )?(?:required|ordered) to|shall) (?:immediately )?cease and desist\b",
    ),
    make_wording(("lett", "befo", "acti clai"), r"letter before (?:action|claim)\b"),
    make_wording(
        ("proc judg acti cour", "days", "lega cour defa"),
        rf"(?:within|in) {DAYS}\b.{{0,160}}\b(?:{BEGIN}|default judgment)\b",
        rf"{BEGIN} (?:against you )?.{{0,100}}\bwithin {DAYS}\b",
    ),
    make_wording(
        ("stat part", "clai", "atta encl serv"), r"(?:statement|particulars) of claim (?:is |are )?(?:attached|enclosed|served)\b"
    ),
    make_wording(
        ("fris nach", "fris setz"), r"fristsetzung\b", r"(?:setzen|setze) (?:wir |ich )?(?:ihnen|dir|euch)\b.{0,40}\b(?:frist|nachfrist)\b"
    ),
    make_wording(
        ("mahn voll klag künd unte eins ladu abma",),
        r"(?:mahnbescheid|vollstreckungsbescheid|klageschrift|kündigungsschutzklage|unterlassungserklärung|einstweilige verfügung)\b",
        r"ladung (?:zu[mr] )?(?:\w+ )?(?:termin|hauptverhandlung|güteverhandlung|gütetermin|verhandlung|vernehmung)\b",
        r"(?:erhalten sie|sie erhalten|übersenden wir ihnen|wegen) (?:\w+ ){0,3}abmahnung\b",
    ),
    make_wording(
        ("amts land ober arbe verw sozi fina bund", "gela ladu zust besc klag verf"),
        rf"{COURT}.{{0,80}}\b(?:geladen|ladung|zustellung|zugestellt|beschluss|klage|verfügung)\b",
    ),
)
ARTICLE = (
    r"(?:art(?:icle|ikel|\.)? ?(?:1[2-9]|2[0-2])\b(?:,? ?(?:abs\.?|para\.?|\() ?\d\)?)?,? ?(?:of the |der |eu-?|uk )?"
    r"(?:gdpr|ds-?gvo|general data protection))"
)
ASK = r"(?:request|ask|demand|require|exercis\w+|invok\w+|object)"
DATA_REQUEST = make_wording(
    ("gdpr dsgv ds dsar acce ausk lösc beri eras dele", "art arti dat date dsar requ gdpr dsgv pers ausk lösc"),
    rf"(?:i|we)\b(?: \w+){{0,4}} {ASK}\b.{{0,120}}\b(?:{ARTICLE}|subject access request|my personal data)\b",
    rf"(?:under|pursuant to|in accordance with|according to) {ARTICLE}.{{0,60}}\b(?:i|we)\b(?: \w+){{0,3}} {ASK}\b",
    r"(?:this is|please (?:treat|accept) this as|(?:i|we) (?:hereby )?(?:make|submit)) (?:a |an |my |our )?(?:formal )?"
    r"(?:\(?dsar\)?|(?:data )?subject access request|data subject request|erasure request)\b",
    r"(?:(?:data )?subject access request|dsar) (?:under|pursuant|for|from|of|by)\b",
    r"(?:delete|erase) all (?:of )?(?:the )?(?:my personal data|personal data (?:you (?:hold|have|store)|about me))\b",
    r"(?:hiermit|ich|wir) (?:\w+ ){0,4}(?:auskunft|löschung|berichtigung|widerspruch|datenkopie)\b.{0,160}"
    rf"\b(?:{ARTICLE}|(?:meine[rn]?|zu meiner person) (?:\w+ )?(?:gespeicherten )?(?:personenbezogenen )?daten)\b",
    r"(?:auskunfts|lösch|löschungs)(?:ersuchen|antrag|begehren)\b",
    rf"(?:bitte|bitten|verlange\w*|fordere|fordern|beantrage\w*) (?:\w+ ){{0,8}}(?:auskunft|löschung|berichtigung)\b.{{0,80}}\b{ARTICLE}",
    r"(?:löschen sie|löscht) (?:\w+ ){0,3}meine (?:\w+ )?(?:personenbezogenen )?daten\b",
)


def find_threat(seen: Seen) -> Iterable[Signal]:
    """Yields a signal for a threat or a demand for ransom."""
    if found := find_extortion(seen) or OR_ELSE.spoken(seen) or VIOLENCE.spoken(seen):
        yield Signal("threat", say("Contains a threat or a ransom demand: “{found}”.", found=found), 10, (found,))


def find_extortion(seen: Seen) -> str:
    """Returns what is held over somebody, where the message also asks for money that nobody can trace; "" otherwise."""
    return DEMAND.spoken(seen) and HELD_OVER.spoken(seen)


def setting_deadlines(seen: Seen) -> Iterable[Signal]:
    """Court papers, deadlines of lawyers, and requests of people whose data is kept here."""
    if found := next(filter(None, (one.spoken(seen) for one in LEGAL_MATTERS)), ""):
        yield Signal("legal-deadline", say("Legal matter with a deadline: “{found}”.", found=found), 5, (found,))
    if found := DATA_REQUEST.spoken(seen):
        yield Signal("data-request", say("Request for personal data (GDPR): “{found}”.", found=found), 0, (found,))
