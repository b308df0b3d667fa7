"""Mail from strangers who mean what they say: first contacts worth an answer, codes that expire, notices, and cold offers."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from demo.attachments import pdf
from demo.company import DOMAIN, person
from demo.letters import Draft, File
from demo.regulars import to


def strangers(rng: random.Random, start: datetime) -> Iterator[Draft]:
    """Everything of this kind, in the order of the stories."""
    yield from applicants()
    yield from makers()
    yield from reporters()
    yield from customers()
    yield from neighbours()
    yield from other_languages()
    yield from several_recipients()
    yield site_visit(start)
    yield from sign_in_codes(rng)
    yield from notices(rng)
    yield from automatic()
    yield from cold_offers()


def applicants() -> Iterator[Draft]:
    """People who want to work here."""
    jobs = (f"jobs@{DOMAIN}",)
    mira = cv(
        "Mira Holmqvist", "Firmware engineer", "2019-2024  Low-power radio at a heat meter maker", "2015-2019  Computer science, Hollersund"
    )
    yield Draft(
        "applicant",
        "Mira Holmqvist <mira.holmqvist@mailpond.example>",
        jobs,
        "Application: firmware engineer (ref. Q-31)",
        FIRMWARE,
        files=mira,
        moment=0.08,
    )
    tarek = cv(
        "Tarek Haddadin",
        "Apprentice, industrial mechanics",
        "School leaving certificate this summer",
        "Two weeks' placement at a locksmith's",
    )
    yield Draft(
        "applicant",
        "Tarek Haddadin <tarek.haddadin@funkbrief.example>",
        to("beatriz.figueira"),
        "Apprenticeship from September",
        APPRENTICE,
        files=tarek,
    )
    jose = cv(
        "José Ignacio Beltrán",
        "Sales manager, Iberia",
        "2012-2024  Water technology, Zaragoza",
        "Spanish, Portuguese, English, some German",
    )
    yield Draft(
        "applicant",
        "José Ignacio Beltrán <ji.beltran@mailpond.example>",
        jobs,
        "Candidatura / Application: sales manager Iberia",
        IBERIA,
        files=jose,
    )


def cv(name: str, wish: str, *lines: str) -> tuple[File, ...]:
    """A one-page curriculum vitae."""
    page = pdf(name, [wish, "", *lines, "", "References on request"])
    return (File(f"CV {name}.pdf", "application/pdf", page),)


FIRMWARE = """\
Dear Ms Figueira,

you are looking for somebody who can make a meter run for sixteen years on one battery. I have done it for twelve, and I know
where the other four are hidden.

My CV is attached. I could start on 1 May, and I would very much like to see the test bench before we talk about anything else.

With kind regards
Mira Holmqvist
"""
APPRENTICE = """\
Dear Ms Figueira,

my teacher Mr Lohmann told me that you take apprentices this year. I like to work with metal and I am never late. I attach
my CV. My last report is on its way by post because our scanner is broken.

Yours sincerely
Tarek Haddadin
"""
IBERIA = """\
Dear team,

for twelve years I have sold water technology to Spanish and Portuguese utilities; seven of the ten largest know me by name.
I would like to do that for a product I believe in.

Un cordial saludo
José Ignacio Beltrán
"""


def makers() -> Iterator[Draft]:
    """New suppliers."""
    author = "Eleanor Tyndale <eleanor.tyndale@brassworks-tyne.example>"
    yield Draft("new-supplier", author, to("graham.pettifer"), "Samples of lead-free brass housings", HOUSINGS, moment=0.12)


HOUSINGS = """\
Dear Graham,

we met at the fair in Lyon (I was the one with the hammer). As promised: three samples of our lead-free housing left with the
courier this morning. They are machined, not polished, so that you can see the grain.

If they pass your pressure test I would like to quote for next year.

Kind regards
Eleanor Tyndale
Brassworks Tyne
"""


def reporters() -> Iterator[Draft]:
    """The press."""
    author = "Carla Winterhoff <c.winterhoff@hollersunder-bote.example>"
    yield Draft("journalist", author, (f"press@{DOMAIN}",), "Question for tomorrow's paper: 30 apprentices", PAPER, moment=0.2)


PAPER = """\
Good morning,

we are writing about the 30 apprentices for tomorrow's paper. Two questions, if possible by 15:00: how many of them stay with
you afterwards, and may we take a photograph at the gate?

Carla Winterhoff
Hollersunder Bote, local desk
"""


def customers() -> Iterator[Draft]:
    """People and utilities that want meters, or an answer about one."""
    stadtwerke = "Birte Jansohn <b.jansohn@stadtwerke-hollersund.example>"
    info, sales = (f"info@{DOMAIN}",), (f"sales@{DOMAIN}",)
    yield Draft("customer", stadtwerke, info, "Tender 24/07: 4,200 household meters", TENDER, moment=0.05)
    yield Draft("customer", "Gerlinde Maaßen <gerlinde.maassen@funkbrief.example>", info, "Is my meter counting double?", DOUBLE)
    yield Draft("customer", "Nkechi Obiora <nkechi.obiora@funkbrief.example>", sales, "Distribution in Lagos and Accra", LAGOS)


TENDER = """\
Dear Sir or Madam,

we invite you to take part in tender 24/07 for 4,200 household meters Q3 2.5 with radio, delivery from August, in four lots.
Would you let me know who the right person is? I will then open the documents for them.

The deadline for questions is Friday of next week.

Kind regards
Birte Jansohn
Purchasing, Stadtwerke Hollersund
"""
DOUBLE = """\
Good day,

since the new meter came I am said to use 212 litres a day, and I live alone with a cat. Before it was 95. The serial number is
QM-2210-88417. Does it count double? I have turned everything off and the little wheel stands still.

With friendly greetings
Gerlinde Maaßen
"""
LAGOS = """\
Good morning,

my brother and I have been selling pumps in Lagos and Accra for nine years. Customers ask us for prepaid water meters every week.
Do you have a partner in West Africa already? If not I would like to be that partner, and I can be in Hollersund in March.

Nkechi Obiora
"""


def neighbours() -> Iterator[Draft]:
    """Others who have a reason to write."""
    yield Draft(
        "neighbour",
        "Ottilie Brandner <ottilie.brandner@mailpond.example>",
        (f"privacy@{DOMAIN}",),
        "What do you have stored about me? (Art. 15)",
        ARTICLE_15,
    )
    yield Draft(
        "neighbour",
        "Sam Whitcombe-Ray <sam.wr@funkbrief.example>",
        (f"helpdesk@{DOMAIN}",),
        "Security issue in your customer portal",
        SECURITY,
        moment=0.4,
    )
    yield Draft(
        "neighbour",
        "Prof. Ewa Lindgreen <e.lindgreen@uni-hollersund.example>",
        to("helena.brandvik"),
        "Invitation to speak: Water Loss Forum",
        SPEAK,
    )
    author = "Docuhaven on behalf of Helle Ravnskov <sign@docuhaven.example>"
    yield Draft("neighbour", author, to("leila.benmansor"), "Helle Ravnskov sent you a document to sign", SIGN, moment=0.75)


ARTICLE_15 = """\
Dear Sir or Madam,

under Article 15 of the General Data Protection Regulation I ask you to tell me which data about me you hold, where they came from,
and who got them. I was a customer of your online shop until two years ago.

Ottilie Brandner
"""
SECURITY = """\
Hi,

with the number of one meter I can see the consumption of the next one in your customer portal, by counting up. I have not looked
at more than two, and I have told nobody. Whom may I send the details to, and do you have a key for encrypted mail?

I plan to write about it in 90 days. Happy to help until then.

Sam
"""
SPEAK = """\
Dear Ms Brandvik,

on 16 May we hold the eighth Water Loss Forum, with 200 people from utilities in eleven countries. Would you open it, with 30
minutes on what a manufacturer can do about water that is paid for and never arrives?

Travel and a very good dinner are on us.

Ewa Lindgreen
"""
SIGN = """\
Hello Leïla,

Helle Ravnskov sent you "Assignment of patent rights, EP 4 118 207" to read and sign.

Read the document: https://app.docuhaven.example/d/7f31c0b2

The request ends in 5 days. If you did not expect it please tell the sender, not us.

Docuhaven
"""


def other_languages() -> Iterator[Draft]:
    """German, Polish, Chinese, and one that calls its charset by a name that nobody knows."""
    yield Draft(
        "german",
        "Birte Jansohn <b.jansohn@stadtwerke-hollersund.example>",
        to("jorg.weidemann"),
        "Rückfrage zur Funkreichweite im Keller",
        KELLER,
    )
    yield Draft(
        "polish",
        "Małgorzata Sikorska-Wrona <biuro@wodomierz-serwis.test>",
        to("katarzyna.luczakowa"),
        "Zapytanie o części zamienne do wodomierzy",
        CZESCI,
    )
    yield Draft("chinese", "江威计量 陈晓梅 <chen.xiaomei@jiangwei-metering.test>", to("wenqing.li"), "关于超声波水表合作的询问", HEZUO)
    yield Draft(
        "unknown-charset",
        "Ægir Þorsteinsson <aegir.thorsteinsson@mailpond.example>",
        (f"info@{DOMAIN}",),
        "Mælar fyrir hitaveitu – fyrirspurn",
        MAELAR,
        plain=True,
        charset="x-hitaveita-850",
    )


KELLER = """\
Sehr geehrter Herr Weidemann,

in drei Häusern der Ankerstraße kommen die Funkdaten nicht aus dem Keller heraus. Die Wände sind aus Naturstein, 60 cm dick. Gibt
es eine Antenne, die man nachrüsten kann, oder müssen wir vom Hof aus ablesen?

Mit freundlichen Grüßen
Birte Jansohn
"""
CZESCI = """\
Dzień dobry,

prowadzimy serwis wodomierzy w Małopolsce. Od kilku miesięcy trafiają do nas Państwa liczniki z lat 2009–2013 i brakuje nam
uszczelek oraz liczydeł. Czy można je u Państwa zamówić i jaki jest czas dostawy?

Z poważaniem
Małgorzata Sikorska-Wrona
"""
HEZUO = """\
李文清女士:

您好!我是江威计量的陈晓梅,负责海外合作。我们每年生产约八十万只水表,正在寻找超声波模块的供应商。
贵公司在里昂展会上展出的产品给我们留下了深刻印象。请问能否安排一次视频会议,时间由您决定?

此致
敬礼
陈晓梅
"""
MAELAR = """\
Góðan dag,

við rekum litla hitaveitu með 340 húsum og leitum að mælum sem þola 80 °C og brennisteinsvatn. Hafið þið slíka mæla?

Kveðja
Ægir Þorsteinsson
"""


def several_recipients() -> Iterator[Draft]:
    """One mail to several of us at once."""
    birte = "Birte Jansohn <b.jansohn@stadtwerke-hollersund.example>"
    team = (*to("dario.montefusco"), *to("hanne.vestergard"), *to("oluwaseun.adebanjo"), f"info@{DOMAIN}")
    yield Draft("several", birte, team, "Who comes to the bidders' day?", BIDDERS)


BIDDERS = """\
Dear all,

the bidders' day for tender 24/07 is on the 19th at 13:00 in our canteen. Please tell me who comes; we need the names for the gate.

Birte Jansohn
"""


def site_visit(start: datetime) -> Draft:
    """An invitation to a meeting."""
    day = start + timedelta(days=2)
    request = VISIT.format(stamp=f"{start:%Y%m%dT%H%M%SZ}", begins=f"{day:%Y%m%d}T130000Z", ends=f"{day:%Y%m%d}T143000Z")
    text = f"Site visit at the waterworks\n\n{day:%d %B %Y}, 13:00 to 14:30 UTC\nOld waterworks, Ankerstraße 1, Hollersund\n"
    author = "Birte Jansohn <b.jansohn@stadtwerke-hollersund.example>"
    return Draft("calendar", author, to("oluwaseun.adebanjo"), "Invitation: site visit at the waterworks", text, calendar=request)


VISIT = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Stadtwerke Hollersund//Kalender//DE
METHOD:REQUEST
BEGIN:VEVENT
UID:site-visit-2407@stadtwerke-hollersund.example
DTSTAMP:{stamp}
DTSTART:{begins}
DTEND:{ends}
SUMMARY:Site visit at the waterworks
ORGANIZER:mailto:b.jansohn@stadtwerke-hollersund.example
ATTENDEE;RSVP=TRUE:mailto:oluwaseun.adebanjo@company.example
END:VEVENT
END:VCALENDAR
"""


def sign_in_codes(rng: random.Random) -> Iterator[Draft]:
    """Codes that are worthless in ten minutes. They come last, so that there is something to hurry for."""
    for author, uid, moment in (
        ("Docuhaven <no-reply@docuhaven.example>", "mateo.quirogas", 0.97),
        ("Cloudkettle <no-reply@cloudkettle.example>", "priya.raghunath", 0.985),
        ("Parcelrun <no-reply@parcelrun.example>", "keisha.thornbury", 0.995),
    ):
        name, code = author.partition(" <")[0], f"{rng.randrange(10**6):06d}"
        text = CODE_TEXT.format(name=name, code=code)
        html = CODE_PAGE.format(name=name, code=code)
        yield Draft("sign-in-code", author, to(uid), f"{code} is your {name} sign-in code", text, html=html, moment=moment)


CODE_TEXT = """\
Your {name} sign-in code is {code}

It expires in 10 minutes. If you did not ask for it you can ignore this mail.

{name}
"""
CODE_PAGE = """\
<html><body style="font-family:Arial,sans-serif;color:#202124">
<table width="440" align="center" cellpadding="18" cellspacing="0" style="border:1px solid #dadce0;border-radius:8px">
<tr><td align="center" style="font-size:17px">Your {name} sign-in code is</td></tr>
<tr><td align="center" style="font-size:34px;letter-spacing:8px;font-weight:bold">{code}</td></tr>
<tr><td align="center" style="font-size:13px;color:#5f6368">
It expires in 10 minutes. If you did not ask for it you can ignore this mail.</td></tr>
</table></body></html>
"""


def notices(rng: random.Random) -> Iterator[Draft]:
    """Machines that have something to say."""
    text = f"meter-gw-03: /var is 91 % full and fills at 1.2 % an hour.\n\nhttps://app.pagerlight.example/i/{rng.getrandbits(32):08x}\n"
    yield Draft("alert", "Pagerlight <alerts@pagerlight.example>", to("ruben.falcao"), "[FIRING] Disk 91 % full on meter-gw-03", text)
    number = f"PR{rng.randrange(10**8, 10**9)}"
    text = f"Your parcel {number} arrives today before noon.\n\nFollow it: https://parcelrun.example/track/{number}\n\nParcelrun\n"
    yield Draft("parcel", "Parcelrun <track@parcelrun.example>", to("graham.pettifer"), f"Your parcel {number} arrives today", text)


def automatic() -> Iterator[Draft]:
    """A word to the postmaster, an out-of-office note, and a bounce that nobody can use."""
    sandmann = "Ulrike Sandmann <u.sandmann@uni-hollersund.example>"
    yield Draft("postmaster", sandmann, (f"postmaster@{DOMAIN}",), "Your mail to our list is deferred", DEFERRED, plain=True)
    replied = (("Auto-Submitted", "auto-replied"), ("X-Auto-Response-Suppress", "All"))
    author = "Gonçalo Abrantes <goncalo.abrantes@mailpond.example>"
    yield Draft(
        "out-of-office",
        author,
        to("jorg.weidemann"),
        "Out of office: Re: plug test",
        "I am walking in the Alentejo until the 23rd.\n\nGonçalo\n",
        plain=True,
        fields=replied,
    )
    daemon = "Mail Delivery System <mailer-daemon@wodomierz-serwis.test>"
    fields = (("Auto-Submitted", "auto-replied"),)
    yield Draft(
        "bounce",
        daemon,
        to("katarzyna.luczakowa"),
        "Undelivered mail returned to sender",
        BOUNCE,
        plain=True,
        reverse_path="",
        fields=fields,
    )


DEFERRED = """\
Dear postmaster,

mail from your relay 192.0.2.10 to our list has been put off since yesterday evening, because the address has no name in the
DNS any more. Could you have a look?

Ulrike Sandmann
for the postmaster of uni-hollersund.example
"""
BOUNCE = """\
This is the mail system at mail.wodomierz-serwis.test.

Your message could not be delivered to one recipient.

<magazyn@wodomierz-serwis.test>: mailbox is full (552 5.2.2)
"""


def cold_offers() -> Iterator[Draft]:
    """Offers that nobody asked for: some read by people, some taken away by a block."""
    names = ("Brad Kingsley", "Tiffany Marlowe", "Kyle Huxtable", "Amber Delacroix")
    offers = (
        ("oluwaseun.adebanjo", "Quick question about your pipeline", "water metering"),
        ("chloe.rivoire", "Quick question about your pipeline", "water metering"),
        ("maxi.olschlager", "Re: Quick question", "the meter business"),
        ("beatriz.figueira", "Top candidates for your open roles", "your open roles"),
        ("keisha.thornbury", "Top candidates for your open roles", "your open roles"),
        ("tomas.havranek", "15 minutes, Tomáš?", "operations like yours"),
        ("helena.brandvik", "15 minutes, Helena?", "companies like yours"),
        ("priya.raghunath", "Cut your cloud bill by 40 %", "cloud teams"),
        ("luc.tremblaux", "Cut your cloud bill by 40 %", "cloud teams"),
        ("viktor.stoychev", "Early payment, better cash flow", "finance teams"),
    )
    for number, (uid, subject, field) in enumerate(offers):
        name = names[number % len(names)]
        author = f"{name} <{name.partition(' ')[0].casefold()}@leadsprout.test>"
        yield Draft("cold-offer", author, to(uid), subject, COLD.format(name=person(uid).name, field=field, author=name))
    for uid in ("dario.montefusco", "rhys.pritchett", "hanne.vestergard"):
        text = SEO.format(name=person(uid).name)
        yield Draft("blocked", "Chad at SEO Rankers <chad@seo-rankers.test>", to(uid), "Page one, guaranteed", text)


COLD = """\
Hi {name},

I have been following what you do in {field}, really impressive! We help teams like yours to get 3x more out of what they have,
with no effort at all.

Worth a quick chat this week? Just answer with a number: 1 (yes), 2 (later), 3 (wrong person).

{author}
Growth, Leadsprout
"""
SEO = """\
Hi {name},

just bumping this to the top of your inbox. I looked at your website and found 47 errors that keep you off page one. Shall I
send the list?

Chad
"""
