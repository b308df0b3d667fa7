"""Mail that programs send to people whom they do not know: codes that expire, notices, automatic answers, and cold offers."""

import random
from collections.abc import Iterator

from demo.company import DOMAIN, find_person
from demo.regulars import address_person
from demo.sample_messages import Draft


def list_machines(rng: random.Random) -> Iterator[Draft]:
    """Writes all automatic messages, story by story."""
    yield from sign_in_codes(rng)
    yield from write_notices(rng)
    yield from write_automatic_replies()
    yield from cold_offers()


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
        yield Draft("sign-in-code", author, address_person(uid), f"{code} is your {name} sign-in code", text, html=html, moment=moment)


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


def write_notices(rng: random.Random) -> Iterator[Draft]:
    """Machines that have something to say."""
    text = f"meter-gw-03: /var is 91 % full and fills at 1.2 % an hour.\n\nhttps://app.pagerlight.example/i/{rng.getrandbits(32):08x}\n"
    yield Draft(
        "alert", "Pagerlight <alerts@pagerlight.example>", address_person("ruben.falcao"), "[FIRING] Disk 91 % full on meter-gw-03", text
    )
    number = f"PR{rng.randrange(10**8, 10**9)}"
    text = f"Your parcel {number} arrives today before noon.\n\nFollow it: https://parcelrun.example/track/{number}\n\nParcelrun\n"
    yield Draft(
        "parcel", "Parcelrun <track@parcelrun.example>", address_person("graham.pettifer"), f"Your parcel {number} arrives today", text
    )


def write_automatic_replies() -> Iterator[Draft]:
    """A word to the postmaster, an out-of-office note, and a bounce that nobody can use."""
    sandmann = "Ulrike Sandmann <u.sandmann@uni-hollersund.example>"
    yield Draft("postmaster", sandmann, (f"postmaster@{DOMAIN}",), "Your mail to our list is deferred", DEFERRED, plain=True)
    replied = (("Auto-Submitted", "auto-replied"), ("X-Auto-Response-Suppress", "All"))
    author = "Gonçalo Abrantes <goncalo.abrantes@mailpond.example>"
    yield Draft(
        "out-of-office",
        author,
        address_person("jorg.weidemann"),
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
        address_person("katarzyna.luczakowa"),
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
        yield Draft("cold-offer", author, address_person(uid), subject, COLD.format(name=find_person(uid).name, field=field, author=name))
    for uid in ("dario.montefusco", "rhys.pritchett", "hanne.vestergard"):
        text = SEO.format(name=find_person(uid).name)
        yield Draft("blocked", "Chad at SEO Rankers <chad@seo-rankers.test>", address_person(uid), "Page one, guaranteed", text)


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
