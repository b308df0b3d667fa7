"""Search by content: links to a domain, attachments by name or digest, Reply-To, as conditions on deliveries.

They are asked of `message_link` and `message_file`. A message from before those is read off the JSON of its summary, until it is packed. A
quote inside of a text is escaped there, so that nothing a sender wrote passes for one of its names.
"""

import json
import re
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, func, literal, or_, select
from sqlmodel import col

from triage.addressing.envelope import ascii_domain
from triage.errors import BadInput
from triage.message.mime.links import display_host
from triage.quarantine.search.text_spellings import column_holds, text_spellings
from triage.say import error_sentence, say
from triage.store.message_columns import SUMMARY as STORED
from triage.store.message_record.record_parts import reverse_domain
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message, MessageFile, MessageLink
from triage.store.pack_records import is_unpacked

SUMMARY = cast(STORED, String)
DIGEST = re.compile(r"[0-9a-f]{64}")
# from the name to where the host begins, as `links.destination` reads it: a web address with as few slashes as browsers ask for, any other
# scheme with two, or none at all before //, \\ and www.; a name before an @ is none of the host, but at a mailto: it is all there is
WEB = r'(?:https?:(?:/|\\\\)*|(?:[a-z][a-z0-9+.-]*:)?(?:/|\\\\){2}(?:/|\\\\)*|(?=www\.))(?:[^"/?#\\]*@)?'
MAIL = r'mailto:[^"?]*@'
ABOVE = r'(?:[^"/?#@:\\]*\.)?'  # the host may lie below the domain
TEXT = r'(?:[^"\\]|\\.)*'  # inside of a JSON text
DIGITS = re.compile(r"[0-9a-f]{8,64}")
END = r'\.?(?::[0-9]*)?(?:[/?#"]|\\\\)'


def link_to(domain: str) -> ColumnElement[bool]:
    """A link of the message opens this domain or what lies below it. BadInput when it is none."""
    try:
        name = ascii_domain(domain.removeprefix("."))
    except ValueError as fault:
        raise BadInput(error_sentence(fault), field="link_domain") from fault
    kept, below = col(MessageLink.domain), reverse_domain(name)
    found = or_(kept == below, and_(kept > f"{below}.", kept < f"{below}/"))  # the sign after a full stop
    spellings = sorted({json.dumps(one)[1:-1] for one in (name, display_host(name))})
    host = "|".join(map(re.escape, spellings))
    before = match_closely(spellings, f'"target": " *(?:{WEB}|{MAIL}){ABOVE}(?:{host}){END}')
    return among_few(MessageLink, found, *before)


def link_says(text: str) -> ColumnElement[bool]:
    """The address or the text of a link has this folded text."""
    before = column_holds(cast(STORED["links"], String), text)
    return or_(of_this(MessageLink, column_holds(col(MessageLink.said), text)), before_that(before))


def attachment_condition(sha256: str) -> ColumnElement[bool]:
    """Condition that an attachment has these bytes. BadInput when that is no digest."""
    digest = sha256.strip().lower()
    if not DIGEST.fullmatch(digest):
        raise BadInput(say("write the 64 hexadecimal digits of the attachment's `sha256`"), field="attachment_sha256")
    return file_with_digest(digest)


def file_named(text: str) -> ColumnElement[bool]:
    """An attachment, or a file in an attached archive, whose name has this folded text."""
    spellings = json_spellings(text)
    before = match_closely(spellings, f'"name": "{match_anywhere(spellings)}|"(?:names|also)": {in_list(spellings)}')
    return or_(of_this(MessageFile, column_holds(col(MessageFile.names), text)), before_that(*before))


def file_with_digest(start: str) -> ColumnElement[bool]:
    """An attachment whose `sha256` begins so. BadInput for what is no beginning of a digest, of 8 digits at least."""
    if not DIGITS.fullmatch(start):
        raise BadInput(say("hash: takes the first 8 to 64 hexadecimal digits of an attachment's SHA-256"), field="q")
    kept = col(MessageFile.sha256)
    found = and_(kept >= start, kept < f"{start}g")  # the letter after the last digit
    return among_few(MessageFile, found, SUMMARY.contains(f'"sha256": "{start}'))


def answers_go_to(text: str) -> ColumnElement[bool]:
    """An address of Reply-To has this folded text."""
    spellings = json_spellings(text)
    before = match_closely(spellings, f'"reply_to": {in_list(spellings)}')
    return or_(of_this(Message, column_holds(col(Message.reply_to), text)), before_that(*before))


def among_few(table: Any, found: ColumnElement[bool], *before: ColumnElement[bool]) -> ColumnElement[bool]:
    """Deliveries of the messages of which the table has such a row: few, and found by an index. `before`: what old columns say instead."""
    old = select(col(Message.id)).where(is_unpacked(), *before)
    return col(Delivery.message_id).in_(select(col(table.message_id)).where(found).union_all(old))


def of_this(table: Any, found: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the table has such a row of the delivery's message."""
    number = col(table.id if table is Message else table.message_id)
    return select(literal(1)).select_from(table).where(number == col(Delivery.message_id), found).correlate(Delivery).exists()


def before_that(*found: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the delivery's message is not packed yet and its old columns say so."""
    return of_this(Message, and_(is_unpacked(), *found))


def json_spellings(text: str) -> list[str]:
    """Returns the spellings of a folded text in JSON."""
    return sorted({json.dumps(one)[1:-1] for one in text_spellings(text)})


def match_anywhere(spellings: list[str]) -> str:
    """A pattern: the rest of a JSON text that has one of these."""
    return f"{TEXT}(?:{'|'.join(map(re.escape, spellings))})"


def in_list(spellings: list[str]) -> str:
    """A pattern: a JSON list of texts of which one has one of these."""
    return rf'\[(?:"{TEXT}", )*"{match_anywhere(spellings)}'


def match_closely(spellings: list[str], pattern: str) -> tuple[ColumnElement[bool], ...]:
    """Conditions on a message's summary; only one that has one of the spellings at all is looked at closely."""
    somewhere = or_(*(func.lower(SUMMARY).contains(one.lower(), autoescape=True) for one in spellings))
    return somewhere, SUMMARY.regexp_match(f"(?i){pattern}")
