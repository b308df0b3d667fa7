"""Newsletters: HTML with tables, colours and pictures from far away, one with a picture inside."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from demo.attachments import make_png
from demo.company import find_person
from demo.sample_messages import Draft, File
from demo.senders import BY_DOMAIN

PICTURES = "https://img.letterhaus.example"
CLICKS = "https://click.letterhaus.example"


@dataclass(frozen=True, slots=True)
class Story:
    """Box of a newsletter."""

    title: str
    text: str
    price: str = ""


@dataclass(frozen=True, slots=True)
class Issue:
    """Issue of a newsletter and its readers."""

    author: str
    subject: str
    preheader: str
    colour: str
    columns: int
    stories: tuple[Story, ...]
    readers: tuple[str, ...]
    picture: bool = False  # carries its title picture itself
    more: str = "Read more"
    footer: str = "You get this mail because you are a customer or signed up."
    leave: str = "Unsubscribe"

    @property
    def domain(self) -> str:
        """Domain of the newsletter's author."""
        return self.author.rpartition("@")[2].rstrip(">")


ISSUES = (
    Issue(
        "Fluid Journal <briefing@fluidjournal.example>",
        "Fluid Journal No. 6: What a litre of lost water costs",
        "Leak detection by sound, the new drinking water rules, and a mayor who reads meters himself",
        "#0b5c7a",
        1,
        (
            Story(
                "What a litre of lost water costs",
                "Eleven utilities opened their books to us. The most expensive leak was not the largest one.",
            ),
            Story("Leaks have a pitch", "A young team listens to pipes at night. We went along, with cold feet and good headphones."),
            Story("Drinking water rules: what changes in May", "Six tables on two pages, to be pinned up next to the test bench."),
        ),
        (
            "tomas.havranek",
            "hanne.vestergard",
            "dario.montefusco",
            "jorg.weidemann",
            "oluwaseun.adebanjo",
            "wenqing.li",
            "helena.brandvik",
            "ingrid.ofaolain",
        ),
    ),
    Issue(
        "Cloudkettle <updates@cloudkettle.example>",
        "New in Cloudkettle: builds that explain themselves 🫖",
        "Failed builds now say which change broke them, and 14 other things",
        "#5b3fd1",
        2,
        (
            Story("Builds that explain themselves", "Click on a red build and read which change broke it, in one sentence."),
            Story("Runners in your own rack", "Register a runner with one line. It only calls out, never in."),
            Story("Quieter notices", "One notice per problem, not one per minute. You asked for it 612 times."),
            Story("Fewer minutes", "Caches are shared between branches: on average 38 % less waiting."),
        ),
        (
            "priya.raghunath",
            "kaito.morimura",
            "ruben.falcao",
            "zsofia.bartal",
            "danils.ozolnieks",
            "luc.tremblaux",
            "ida.lindqvist",
            "jorg.weidemann",
        ),
    ),
    Issue(
        "Werkbedarf <angebote@werkbedarf.example>",
        "Nur bis Freitag: 20 % auf Regale, Leitern und Hubwagen",
        "Alles für Werkstatt und Lager, versandkostenfrei ab 150 Euro",
        "#d9480f",
        3,
        (
            Story("Schwerlastregal 180 × 90", "5 Böden, je 265 kg", "89,90 €"),
            Story("Stehleiter, 7 Stufen", "Eloxiert, mit Ablage", "129,00 €"),
            Story("Hubwagen 2,5 t", "Leiselaufrollen", "279,00 €"),
            Story("Sichtlagerkästen", "24 Stück, stapelbar", "34,50 €"),
            Story("Gehörschutz", "SNR 32 dB", "17,95 €"),
            Story("Putztuchrolle", "2 × 500 Abrisse", "12,40 €"),
        ),
        (
            "graham.pettifer",
            "yusuf.celikkol",
            "pawel.zurek",
            "anneliese.grunwaldt",
            "luc.tremblaux",
            "maxi.olschlager",
            "keisha.thornbury",
            "danils.ozolnieks",
            "noor.vandalen",
            "rhys.pritchett",
        ),
        more="Zum Angebot",
        footer="Sie erhalten diese Mail als Kunde von Werkbedarf.",
        leave="Abmelden",
    ),
    Issue(
        "Hollersunder Bote <morgen@hollersunder-bote.example>",
        "Guten Morgen, Hollersund: Brücke bleibt bis Ostern gesperrt",
        "Das Wichtigste vom Tag in zwei Minuten",
        "#8c1c13",
        1,
        (
            Story(
                "Brücke bleibt bis Ostern gesperrt",
                "Die Stadt hat Risse gefunden, wo keine sein sollten. Wer zur Arbeit auf die andere Seite muss, braucht Geduld.",
            ),
            Story("Quellmark sucht 30 Lehrlinge", "Der Zählerhersteller am Hafen bildet so viele junge Leute aus wie nie."),
            Story("Das Wetter", "Vormittags Nebel, später 9 Grad und etwas Sonne."),
        ),
        ("aminata.dialloroche", "beatriz.figueira", "sunniva.haugland"),
        picture=True,
        more="Weiterlesen",
        footer="Sie lesen den Morgenbrief des Hollersunder Boten.",
        leave="Abbestellen",
    ),
)


def write_newsletters(rng: random.Random) -> Iterator[Draft]:
    """Yields each issue for each of its readers, sent through the mailing house Letterhaus, with a tracking id for each reader."""
    for issue in ISSUES:
        for uid in issue.readers:
            yield write_newsletter(issue, uid, f"{rng.getrandbits(40):010x}")


def write_newsletter(issue: Issue, uid: str, mark: str) -> Draft:
    """Writes one reader's copy of an issue."""
    reader = find_person(uid)
    header = File("kopf.png", "image/png", make_png(560, 90, (140, 28, 19), (232, 190, 160)), cid=f"kopf.{mark}@letterhaus.example")
    fields = (
        ("List-Id", f"{BY_DOMAIN[issue.domain].name} <news.{issue.domain}>"),
        ("List-Unsubscribe", f"<{CLICKS}/u/{mark}>, <mailto:leave+{mark}@letterhaus.example>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("Precedence", "bulk"),
    )
    return Draft(
        "newsletter",
        issue.author,
        (f"{reader.name} <{reader.mailbox}>",),
        issue.subject,
        plain_text(issue, mark),
        html=render_issue(issue, mark, header.cid if issue.picture else ""),
        reverse_path=f"bounce+{mark}@letterhaus.example",
        fields=fields,
        files=(header,) if issue.picture else (),
    )


def plain_text(issue: Issue, mark: str) -> str:
    """The issue without HTML."""
    stories = (
        f"{story.title}\n{story.text} {story.price}".rstrip() + f"\n{CLICKS}/r/{mark}/{number}"
        for number, story in enumerate(issue.stories, 1)
    )
    return "\n\n".join([issue.preheader, *stories, f"{issue.leave}: {CLICKS}/u/{mark}"]) + "\n"


def render_issue(issue: Issue, mark: str, cid: str) -> str:
    """The issue as HTML of the kind that mailing houses write: tables in tables, and a pixel that counts readers."""
    rows = [issue.stories[start : start + issue.columns] for start in range(0, len(issue.stories), issue.columns)]
    boxes = "\n".join(f"<tr>{''.join(render_story(issue, story, mark) for story in row)}</tr>" for row in rows)
    title = f"cid:{cid}" if cid else f"{PICTURES}/{issue.domain}/head.png"
    return f"""\
<!DOCTYPE html>
<html><head><meta name="viewport" content="width=device-width"><title>{issue.subject}</title>
<style>a {{ color: {issue.colour}; }} @media (max-width: 480px) {{ td {{ display: block; }} }}</style></head>
<body style="margin:0;padding:0;background-color:#eef1f4">
<div style="display:none;max-height:0;overflow:hidden">{issue.preheader}</div>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" bgcolor="#eef1f4"><tr><td align="center" style="padding:24px 8px">
<table role="presentation" width="600" cellpadding="0" cellspacing="0" bgcolor="#ffffff" style="font-family:Arial,Helvetica,sans-serif">
<tr><td bgcolor="{issue.colour}" style="padding:18px 24px;color:#ffffff;font-size:22px;font-weight:bold">
{BY_DOMAIN[issue.domain].name}</td></tr>
<tr><td style="padding:0"><img src="{title}" width="600" height="96" alt="" style="display:block;width:100%"></td></tr>
<tr><td style="padding:20px 24px 4px 24px;font-size:19px;color:#1b1f24"><b>{issue.subject}</b></td></tr>
<tr><td style="padding:0 24px 12px 24px;font-size:14px;color:#5c6570">{issue.preheader}</td></tr>
<tr><td style="padding:0 12px"><table role="presentation" width="100%" cellpadding="0" cellspacing="12">
{boxes}
</table></td></tr>
<tr><td bgcolor="#f6f7f9" style="padding:16px 24px;font-size:11px;color:#7a828c">{issue.footer}
<a href="{CLICKS}/u/{mark}">{issue.leave}</a>
<img src="{PICTURES}/o/{mark}.gif" width="1" height="1" alt=""></td></tr>
</table></td></tr></table></body></html>
"""


def render_story(issue: Issue, story: Story, mark: str) -> str:
    """Renders a story as a table cell."""
    number = issue.stories.index(story) + 1
    width = 100 // issue.columns
    price = f'<div style="font-size:20px;font-weight:bold;color:{issue.colour};padding:4px 0">{story.price}</div>' if story.price else ""
    return (
        f'<td width="{width}%" valign="top" style="border:1px solid #dfe3e8;border-radius:6px;padding:14px">'
        f'<img src="{PICTURES}/{issue.domain}/{number}.jpg" alt="{story.title}" '
        f'width="{480 // issue.columns}" height="{240 // issue.columns}">'
        f'<div style="font-size:16px;font-weight:bold;color:#1b1f24;padding:8px 0 4px 0">{story.title}</div>'
        f'<div style="font-size:13px;line-height:19px;color:#3c444d">{story.text}</div>{price}'
        f'<div style="padding:10px 0 0 0"><a href="{CLICKS}/r/{mark}/{number}" style="font-size:13px">'
        f"<b>{issue.more}</b></a></div></td>"
    )
