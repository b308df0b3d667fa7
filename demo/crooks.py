"""Mail from those who lie: a password wave to everyone, the boss from outside, forged names, a document with macros."""

import random
from collections.abc import Iterator

from demo.attachments import make_docm
from demo.company import DOMAIN, NAME, find_person, list_people
from demo.regulars import address_person
from demo.sample_messages import Draft, File
from triage.addressing.company import PersonEntry

WAVE_DOMAINS = ("account-renewal.test", "secure-mailbox.test", "it-servicedesk.test", "passwort-center.test", "mail-notice.test")
WAVE_NAMES = ("IT Service Desk", f"{NAME} IT", "Mail Administrator", "Account Security", f"{NAME} Helpdesk")
WAVE_LOCALS = ("no-reply", "notice", "servicedesk", "security", "mailbox-admin", "support")
GREETINGS = ("Dear {name},", "Hello {name},", "Dear user {uid},", "Attention {name}:", "Dear colleague,")
OPENINGS = (
    "the password of your mailbox {mailbox} expires today.",
    "your password for {mailbox} expires in 24 hours.",
    "our records show that the password of {mailbox} is about to expire.",
    "the password for your {company} account runs out today at 17:00.",
)
THREATS = (
    "After that time mail sent to you will be returned to its senders.",
    "Incoming messages are held back until you confirm your account.",
    "If you do nothing your mailbox will be closed and its contents deleted.",
    "You may lose access to mail, calendar and shared files.",
)
WHAT_TO_DO = (
    "To keep the password that you have, confirm your mailbox on the page below with your user name and your current password. The"
    " check takes less than one minute and nothing has to be installed. It concerns all employees, also those on holiday and at home;"
    " whoever has confirmed already this month may ignore the notice. Requests by telephone cannot be answered before the deadline."
)
BUTTONS = ("Keep current password", "Keep my password", "Renew password", "Confirm my account")
SUBJECTS = (
    "Your password expires today",
    "Password expires in 24 hours: {uid}",
    "[Action required] Password expires today",
    "Reminder: your {company} password expires",
)


def write_crooks(rng: random.Random) -> Iterator[Draft]:
    """Writes all malicious messages, story by story."""
    yield from password_wave(rng)
    yield from write_boss()
    yield from forged_supplier()
    yield own_name()
    yield from write_macros()
    yield from write_customs(rng)
    yield from lone_wolves()


def password_wave(rng: random.Random) -> Iterator[Draft]:
    """Yields a copy of the wave for each person, from changing senders, with small changes in the words."""
    victims = list(list_people())
    rng.shuffle(victims)
    for place, victim in enumerate(victims):
        yield password_mail(victim, WAVE_DOMAINS[place * len(WAVE_DOMAINS) // len(victims)], rng, 0.35 + 0.4 * place / len(victims))


def password_mail(victim: PersonEntry, domain: str, rng: random.Random, moment: float) -> Draft:
    """Copy of the wave, with a link whose text and target differ."""
    words = {"name": victim.name, "uid": victim.uid, "mailbox": victim.mailbox, "company": NAME}
    greeting, opening, threat = (rng.choice(texts).format(**words) for texts in (GREETINGS, OPENINGS, THREATS))
    button, number = rng.choice(BUTTONS), rng.randrange(1000, 9999)
    shown, target = f"https://password.{DOMAIN}/renew", f"https://portal.{domain}/{rng.getrandbits(48):012x}?u={victim.uid}"
    text = f"{greeting}\n\n{opening}\n{threat}\n\n{WHAT_TO_DO}\n\n{button}: {shown}\n\n{NAME} IT Service Desk\nTicket {number}\n"
    html = WAVE_PAGE.format(
        company=NAME,
        greeting=greeting,
        opening=opening,
        threat=threat,
        what_to_do=WHAT_TO_DO,
        button=button,
        target=target,
        shown=shown,
        number=number,
    )
    author = f"{rng.choice(WAVE_NAMES)} <{rng.choice(WAVE_LOCALS)}@{domain}>"
    subject = rng.choice(SUBJECTS).format(**words)
    return Draft(
        "phishing", author, (f"{victim.name} <{victim.mailbox}>",), subject, text, html=html, fields=(("X-Priority", "1"),), moment=moment
    )


WAVE_PAGE = """\
<html><body style="margin:0;background-color:#f3f2f1">
<table width="100%" cellpadding="0" cellspacing="0" bgcolor="#f3f2f1"><tr><td align="center" style="padding:20px">
<table width="520" cellpadding="0" cellspacing="0" bgcolor="#ffffff"
 style="font-family:Segoe UI,Arial,sans-serif;border-top:4px solid #0067b8">
<tr><td style="padding:22px 28px 0 28px;font-size:18px;color:#0067b8"><b>{company} Account</b></td></tr>
<tr><td style="padding:14px 28px;font-size:14px;color:#252423;line-height:20px">
{greeting}<br><br>{opening}<br>{threat}<br><br>{what_to_do}</td></tr>
<tr><td style="padding:6px 28px"><a href="{target}"
 style="background-color:#0067b8;color:#ffffff;padding:11px 22px;text-decoration:none">{button}</a></td></tr>
<tr><td style="padding:14px 28px;font-size:12px;color:#605e5c">
If the button does not work use this address:<br><a href="{target}">{shown}</a></td></tr>
<tr><td bgcolor="#faf9f8" style="padding:12px 28px;font-size:11px;color:#8a8886">
{company} IT Service Desk · Ticket {number} · This mailbox is not read.</td></tr>
</table></td></tr></table></body></html>
"""


def write_boss() -> Iterator[Draft]:
    """The chief executive's name on an address at a free-mail host; answers go somewhere else again."""
    author, reply_to = "Helena Brandvik <helena.brandvik.ceo@mailpond.example>", "Helena Brandvik <h.brandvik@executive-mailbox.test>"
    for place, uid in enumerate(
        ("chiara.bellandi", "thuha.dang", "soren.kjeldgaard", "graham.pettifer", "elodie.charbonnel", "viktor.stoychev")
    ):
        text = BEFORE_NOON.format(name=find_person(uid).name)
        moment = 0.15 + place / 8
        yield Draft(
            "ceo-fraud",
            author,
            address_person(uid),
            "Confidential: payment before noon",
            text,
            plain=True,
            reply_to=reply_to,
            moment=moment,
        )


BEFORE_NOON = """\
{name},

we are about to close an acquisition that nobody in the house knows of yet. A first payment of 46,800 EUR has to leave before
noon. I have your name from Marek, he said you can be trusted with this.

Send me a line when you are ready, I will give you the account. Please tell no one until the announcement.

Helena Brandvik
Chief Executive Officer
"""


def forged_supplier() -> Iterator[Draft]:
    """A supplier's name without its proof, and from a domain that only looks like the supplier's."""
    yield Draft(
        "forged-craftsman",
        "Orlow Haustechnik <buero@orlow-haustechnik.example>",
        address_person("graham.pettifer"),
        "Deposit for the wash basins",
        DEPOSIT,
        plain=True,
        reverse_path="orlow@bulkhost.test",
        moment=0.72,
    )
    yield Draft(
        "forged-supplier",
        "Nordlicht Papier <buchhaltung@nordlicht-papier.example>",
        address_person("noor.vandalen"),
        "Our bank details have changed",
        NEW_BANK,
        reverse_path="nordlicht@bulkhost.test",
        signer="",
        moment=0.5,
    )
    yield Draft(
        "look-alike",
        "Janne Matthiesen <janne.matthiesen@nordlicht-papler.example>",
        address_person("graham.pettifer"),
        "Re: Invoice 2091-77 – please use the new account",
        NEW_ACCOUNT,
        moment=0.65,
    )


DEPOSIT = """\
Hello,

to keep the price of the basins we need a deposit of 1,000 EUR by tonight. Please answer for the account number, the old one
is no longer in use.

Orlow Haustechnik
"""
NEW_BANK = """\
Dear Ms van Dalen,

due to an audit our account at Harbourbank is closed with immediate effect. Please send all open amounts to our new account
at the Overseas Trade Bank and confirm the payment by return mail. The details are on page two of your copy.

Kind regards
Nordlicht Papier, accounts
"""
NEW_ACCOUNT = """\
Hi Graham,

quick one: accounts asked me to tell you that invoice 2091-77 has to go to the new account, not to the old one. I can send you
the number if you write back here. Phones are down today, so please no calls.

Best
Janne
"""


def own_name() -> Draft:
    """Mail from outside that says it is from inside."""
    results = (("Authentication-Results", f"mx.{DOMAIN}; dkim=pass header.d={DOMAIN}; spf=pass; dmarc=pass header.from={DOMAIN}"),)
    return Draft(
        "own-domain",
        f"IT Helpdesk <helpdesk@{DOMAIN}>",
        address_person("hanne.vestergard"),
        "Mailbox almost full (98 %)",
        FULL,
        reverse_path="web@bulkhost.test",
        signer="",
        fields=results,
        moment=0.3,
    )


FULL = """\
Your mailbox has used 98 % of its space. New mail will be refused from tonight.

Get 5 GB more without cost: https://storage.mail-notice.test/upgrade

IT Helpdesk
"""


def write_macros() -> Iterator[Draft]:
    """Invoices that want to be opened, and would run if they were."""
    file = File(
        "Invoice_88213.docm", "application/vnd.ms-word.document.macroEnabled.12", make_docm("Please enable editing to see this invoice.")
    )
    author = "Rechnungsstelle <rechnung@bulkhost.test>"
    readers = ("viktor.stoychev", "noor.vandalen", "marek.wisniewski", "graham.pettifer", "soren.kjeldgaard", "thuha.dang")
    for place, uid in enumerate(readers):
        yield Draft(
            "dangerous-attachment", author, address_person(uid), "Overdue: invoice 88213", MACROS, files=(file,), moment=0.25 + place / 12
        )


MACROS = """\
Dear customer,

invoice 88213 is overdue since last week. Please find a copy attached. To see the amount, open the document and choose
"Enable editing" and then "Enable content".

Accounts
"""


def write_customs(rng: random.Random) -> Iterator[Draft]:
    """A parcel that nobody ordered."""
    for uid in (
        "keisha.thornbury",
        "rhys.pritchett",
        "luc.tremblaux",
        "leila.benmansor",
        "maxi.olschlager",
        "pawel.zurek",
        "ida.lindqvist",
        "otto.brandstatt",
    ):
        number, fee = f"PR{rng.randrange(10**8, 10**9)}", f"{rng.choice((1.99, 2.49, 2.99)):.2f}"
        target, shown = f"https://pay.parcelrun-customs.test/{number}", f"https://parcelrun.example/track/{number}"
        html = CUSTOMS_PAGE.format(number=number, fee=fee, target=target, shown=shown)
        text = f"Your parcel {number} is being held at customs.\n\nPay the fee of {fee} EUR within 48 hours: {shown}\n\nParcelrun\n"
        yield Draft(
            "customs",
            "Parcelrun <track@parcelrun-customs.test>",
            address_person(uid),
            f"Parcel {number} held: fee of {fee} EUR due",
            text,
            html=html,
        )


CUSTOMS_PAGE = """\
<html><body style="font-family:Verdana,Arial,sans-serif;background-color:#fff8e1">
<table width="480" align="center" cellpadding="16" cellspacing="0" bgcolor="#ffffff">
<tr><td bgcolor="#ffb300" style="font-size:24px;color:#3e2723"><b>Parcelrun</b></td></tr>
<tr><td style="font-size:13px;color:#3e2723">
Your parcel <b>{number}</b> is being held at customs. A fee of <b>{fee} EUR</b> is due within 48 hours.<br><br>
<a href="{target}" style="color:#e65100"><b>{shown}</b></a></td></tr>
<tr><td style="font-size:10px;color:#9e9e9e">
<img src="https://img.parcelrun-customs.test/p.gif" width="1" height="1" alt="">Parcelrun, your neighbour</td></tr>
</table></body></html>
"""


def lone_wolves() -> Iterator[Draft]:
    """Single attempts at fraud that belong to no wave."""
    author = "Tomáš Havránek <t.havranek@executive-mailbox.test>"
    yield Draft("gift-cards", author, address_person("ben.okafor"), "Small favour, please keep it to yourself", GIFT_CARDS, plain=True)
    yield Draft(
        "extortion", "Your Friend <x7@bulkhost.test>", address_person("danils.ozolnieks"), "I have your password", EXTORTION, plain=True
    )


GIFT_CARDS = """\
Ben,

I want to surprise the team and need ten gift cards of 100 each before lunch. Buy them, scratch them, and send me photographs
of the codes. You get the money back today.

Tomáš
"""
EXTORTION = """\
I have had access to your computer for three months and I know your password. I have a film of you that your colleagues will
like. You have 48 hours to send 1,200 in coins to the address that you get when you answer. Do not go to the police.
"""
