"""Mail from strangers who mean what they say: first contacts worth an answer."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from demo.attachments import make_pdf
from demo.company import DOMAIN
from demo.regulars import address_person
from demo.sample_messages import Draft, File


def write_strangers(start: datetime) -> Iterator[Draft]:
    """Writes all messages of unknown senders, story by story."""
    yield from write_applicants()
    yield from write_makers()
    yield from write_reporters()
    yield from write_customers()
    yield from write_neighbours()
    yield from other_languages()
    yield from several_recipients()
    yield site_visit(start)


def write_applicants() -> Iterator[Draft]:
    """People who want to work here."""
    jobs = (f"jobs@{DOMAIN}",)
    mira = make_cv(
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
    tarek = make_cv(
        "Tarek Haddadin",
        "Apprentice, industrial mechanics",
        "School leaving certificate this summer",
        "Two weeks' placement at a locksmith's",
    )
    yield Draft(
        "applicant",
        "Tarek Haddadin <tarek.haddadin@funkbrief.example>",
        address_person("beatriz.figueira"),
        "Apprenticeship from September",
        APPRENTICE,
        files=tarek,
    )
    jose = make_cv(
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


def make_cv(name: str, wish: str, *lines: str) -> tuple[File, ...]:
    """A one-page curriculum vitae."""
    page = make_pdf(name, [wish, "", *lines, "", "References on request"])
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


def write_makers() -> Iterator[Draft]:
    """New suppliers."""
    author = "Eleanor Tyndale <eleanor.tyndale@brassworks-tyne.example>"
    yield Draft("new-supplier", author, address_person("graham.pettifer"), "Samples of lead-free brass housings", HOUSINGS, moment=0.12)


HOUSINGS = """\
Dear Graham,

we met at the fair in Lyon (I was the one with the hammer). As promised: three samples of our lead-free housing left with the
courier this morning. They are machined, not polished, so that you can see the grain.

If they pass your pressure test I would like to quote for next year.

Kind regards
Eleanor Tyndale
Brassworks Tyne
"""


def write_reporters() -> Iterator[Draft]:
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


def write_customers() -> Iterator[Draft]:
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


def write_neighbours() -> Iterator[Draft]:
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
        address_person("helena.brandvik"),
        "Invitation to speak: Water Loss Forum",
        SPEAK,
    )
    author = "Docuhaven on behalf of Helle Ravnskov <sign@docuhaven.example>"
    yield Draft("neighbour", author, address_person("leila.benmansor"), "Helle Ravnskov sent you a document to sign", SIGN, moment=0.75)


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
        address_person("jorg.weidemann"),
        "Rückfrage zur Funkreichweite im Keller",
        KELLER,
    )
    yield Draft(
        "polish",
        "Małgorzata Sikorska-Wrona <biuro@wodomierz-serwis.test>",
        address_person("katarzyna.luczakowa"),
        "Zapytanie o części zamienne do wodomierzy",
        CZESCI,
    )
    yield Draft(
        "chinese", "江威计量 陈晓梅 <chen.xiaomei@jiangwei-metering.test>", address_person("wenqing.li"), "关于超声波水表合作的询问", HEZUO
    )
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
    """Message to several employees at once."""
    birte = "Birte Jansohn <b.jansohn@stadtwerke-hollersund.example>"
    team = (
        *address_person("dario.montefusco"),
        *address_person("hanne.vestergard"),
        *address_person("oluwaseun.adebanjo"),
        f"info@{DOMAIN}",
    )
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
    return Draft(
        "calendar", author, address_person("oluwaseun.adebanjo"), "Invitation: site visit at the waterworks", text, calendar=request
    )


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
