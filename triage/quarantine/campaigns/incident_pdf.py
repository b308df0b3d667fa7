"""The incident record of a campaign as a PDF: figures, removals, who opened a copy, out of reach, hashes, copies."""

import io
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from triage.ids import format_id
from triage.quarantine.campaigns.incident import Incident, IncidentAct, IncidentCopy
from triage.quarantine.delivery_history import OUTCOMES
from triage.say import format_minute, say
from triage.store.delivery_state import SHOWN
from triage.text.numbers import spell_span

MOST_ROWS = 500  # of a table; the JSON has all
DEJAVU = Path("/usr/share/fonts/truetype/dejavu")  # has more scripts than the library's own font, where the machine has it
FONTS = (str(DEJAVU / "DejaVuSans.ttf"), str(DEJAVU / "DejaVuSans-Bold.ttf"))
OWN_FONTS = ("Vera.ttf", "VeraBd.ttf")
OPENED = {"read": say("read"), "answered": say("answered"), "": ""}
VERDICTS = {"good": say("harmless"), "bad": say("harmful"), "": say("open")}
VERBS = {
    "purge": say("removed"),
    "reject": say("rejected"),
    "sweep": say("removed from mailboxes"),
    "take": say("related messages removed"),
}
Put = Callable[[str], str]  # puts a sentence of ours into the language of the record


def write_pdf(incident: Incident, *, zone: str, put: Put) -> bytes:
    """Returns the record as a PDF of A4 pages in landscape. `zone`: time zone of the times in it."""
    from reportlab.lib.pagesizes import A4, landscape
    from reportlab.platypus import SimpleDocTemplate

    draw = Draw(put, ZoneInfo(zone))
    title = put(say("Incident record"))
    file = io.BytesIO()
    margins = dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), 36)
    document = SimpleDocTemplate(
        file, pagesize=landscape(A4), title=f"{title} {format_id(incident.campaign)}", author="Mailroom", **margins
    )
    document.build([part for section in sections_of(incident, draw) for part in section], onFirstPage=draw.foot, onLaterPages=draw.foot)
    return file.getvalue()


class Draw:
    """Paragraphs and tables in the language, the time zone and the font of a record."""

    def __init__(self, put: Put, zone: ZoneInfo) -> None:
        from reportlab.lib.styles import ParagraphStyle
        from reportlab.pdfbase import pdfmetrics
        from reportlab.pdfbase.ttfonts import TTFont

        self.put, self.zone = put, zone
        files = FONTS if Path(FONTS[1]).is_file() else OWN_FONTS
        for name, file in zip(("record", "record-bold"), files, strict=True):
            pdfmetrics.registerFont(TTFont(name, file))
        self.glyphs = pdfmetrics.getFont("record").face.charToGlyph
        self.text = ParagraphStyle("text", fontName="record", fontSize=8, leading=11, splitLongWords=True)
        self.bold = ParagraphStyle("bold", self.text, fontName="record-bold")
        self.title = ParagraphStyle("title", self.bold, fontSize=16, leading=22)
        self.head = ParagraphStyle("head", self.bold, fontSize=11, leading=16, spaceBefore=10, spaceAfter=3)

    def words(self, text: Any, style: str = "text") -> Any:
        """A paragraph of a sentence of ours, or of text of others; a character that the font lacks as its code point."""
        from reportlab.platypus import Paragraph

        said = self.put(text) if isinstance(text, str) else str(text)
        shown = "".join(one if ord(one) in self.glyphs or one == "\n" else f"[U+{ord(one):04X}]" for one in said)
        return Paragraph(escape(shown), getattr(self, style))

    def moment(self, when: datetime | None) -> str:
        """A moment in the time zone of the record, to the second."""
        return f"{when.astimezone(self.zone):%Y-%m-%d %H:%M:%S}" if when else "–"

    def section(self, title: str, heads: Sequence[str], rows: Sequence[Sequence[Any]], widths: Sequence[float]) -> list[Any]:
        """A heading and a table; a sentence where there is no row, and one about rows that are left out."""
        from reportlab.lib.colors import HexColor
        from reportlab.platypus import Table, TableStyle

        if not rows:
            return [self.words(title, "head"), self.words(say("None."))]
        cells = [[self.words(one, "bold") for one in heads], *([self.words(cell) for cell in row] for row in rows[:MOST_ROWS])]
        lines = TableStyle([("LINEBELOW", (0, 0), (-1, -1), 0.5, HexColor("#c8d2cc")), ("VALIGN", (0, 0), (-1, -1), "TOP")])
        shape: dict[str, Any] = {"repeatRows": 1, "splitInRow": 1}  # a row of a hostile sender may be higher than a page
        parts = [self.words(title, "head"), Table(cells, colWidths=list(widths), style=lines, hAlign="LEFT", **shape)]
        if len(rows) > MOST_ROWS:
            parts.append(self.words(say("{number} more rows are in the JSON of this record.", number=len(rows) - MOST_ROWS)))
        return parts

    def foot(self, canvas: Any, _document: Any) -> None:
        """Writes the number of the page."""
        canvas.setFont("record", 8)
        canvas.drawRightString(806, 20, f"{canvas.getPageNumber()}")


def sections_of(incident: Incident, draw: Draw) -> Iterable[list[Any]]:
    """The sections of the record, in order."""
    yield [draw.words(say("Incident record"), "title"), *(draw.words(line) for line in describe_record(incident, draw))]
    yield draw.section(say("Figures"), (say("What"), say("Count")), figure_rows(incident), (240, 120))
    removals = [removal_cells(one, draw) for one in incident.removals]
    heads: tuple[str, ...] = (say("When"), say("By"), say("Second person"), say("Decision"), say("Copies"), say("Reason"), say("Undone"))
    yield draw.section(say("Removals"), heads, removals, (110, 110, 100, 110, 50, 180, 110))
    reports = [(draw.moment(one.at), one.by, VERDICTS[one.verdict]) for one in incident.reports]
    yield draw.section(say("Reports of employees"), (say("When"), say("By"), say("Verdict")), reports, (120, 240, 120))
    opened = [
        (one.recipient, one.person or "–", OPENED[one.opened], draw.moment(one.removed_at), draw.moment(one.notified_at))
        for one in incident.opened
    ]
    heads = (say("Recipient"), say("Name"), say("Opened"), say("Removed"), say("Notified"))
    yield draw.section(say("Opened before removal"), heads, opened, (260, 180, 90, 120, 120))
    missed = [(one.recipient, one.person or "–", one.why or OUTCOMES.get(one.outcome, one.outcome)) for one in incident.out_of_reach]
    yield draw.section(say("Out of reach"), (say("Recipient"), say("Name"), say("Reason")), missed, (260, 200, 310))
    ways = [(one.mailbox or "–", one.count, one.sentence) for one in incident.passed_on]
    yield draw.section(say("Passed on, out of reach"), (say("Mailbox"), say("Copies"), say("Reason")), ways, (260, 80, 430))
    files = [(one.name or "–", one.size, one.sha256) for one in incident.files]
    yield draw.section(say("Attachments"), (say("Name"), say("Bytes"), "SHA-256"), files, (300, 80, 390))
    heads = (say("Arrived"), say("Sender"), say("Recipient"), say("State"), say("Removed"), say("By"), "SHA-256")
    yield draw.section(say("Copies"), heads, [copy_cells(one, draw) for one in incident.copies], (92, 140, 140, 60, 92, 86, 160))


def describe_record(incident: Incident, draw: Draw) -> Iterable[str]:
    """Says which campaign it is, and who made the record when."""
    yield say("Campaign {campaign}: {subject}", campaign=format_id(incident.campaign), subject=incident.subject or say("(no subject)"))
    made_at = format_minute(incident.made_at.astimezone(draw.zone))
    yield say("Created on {at} by {who}. Times are in {zone}.", at=made_at, who=incident.made_by, zone=str(draw.zone))
    yield say("Messages outside the scope of this person, and those confidential to them, are left out.")
    first = incident.first_removed_at
    if first:
        seconds = max(0.0, (first - incident.first_at).total_seconds())
        yield say("From the first copy to the first removal: {time}.", time=spell_span(seconds))


def figure_rows(incident: Incident) -> list[tuple[str, Any]]:
    """The figures of the record."""
    return [
        (say("Copies"), len(incident.copies)),
        (say("Recipients"), len({one.recipient for one in incident.copies})),
        (say("Senders"), len({one.author for one in incident.copies})),
        (say("Removed"), sum(one.removed_at is not None for one in incident.copies)),
        (say("Late copies, removed on arrival"), len(incident.late)),
        (say("Opened before removal"), len(incident.opened)),
        (say("Out of reach"), len(incident.out_of_reach)),
        (say("Reports of employees"), len(incident.reports)),
    ]


def removal_cells(one: IncidentAct, draw: Draw) -> tuple[Any, ...]:
    """The cells of a removal."""
    undone = draw.moment(one.undone_at)
    return draw.moment(one.at), one.by, one.second_by or "–", VERBS[one.verb], one.copies, one.reason or "–", undone


def copy_cells(one: IncidentCopy, draw: Draw) -> tuple[Any, ...]:
    """The cells of a copy."""
    by = one.removed_by or (say("on arrival") if one.outcome == "on arrival" else "–")
    return draw.moment(one.received_at), one.author, one.recipient, SHOWN[one.state], draw.moment(one.removed_at), by, one.sha256
