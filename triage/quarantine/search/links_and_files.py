"""What messages carry, as conditions on deliveries: a link to a domain, an attachment by the digest of its bytes.

Both are read off the summary's JSON as it is stored. A quote inside of a text is escaped there, so that nothing a sender
wrote passes for one of its names.
"""

import json
import re

from sqlalchemy import ColumnElement, String, cast, func, or_, select
from sqlmodel import col

from triage.addressing.envelope import ascii_domain
from triage.errors import BadInput
from triage.message.mime.links import display_host
from triage.say import said_by, say
from triage.store.models.deliveries import Delivery
from triage.store.models.messages import Message

SUMMARY = cast(col(Message.summary), String)
DIGEST = re.compile(r"[0-9a-f]{64}")
# from the name to where the host begins, as `links.destination` reads it: a web address with as few slashes as browsers ask for, any other
# scheme with two, or none at all before //, \\ and www.; a name before an @ is none of the host, but at a mailto: it is all there is
WEB = r'(?:https?:(?:/|\\\\)*|(?:[a-z][a-z0-9+.-]*:)?(?:/|\\\\){2}(?:/|\\\\)*|(?=www\.))(?:[^"/?#\\]*@)?'
MAIL = r'mailto:[^"?]*@'
ABOVE = r'(?:[^"/?#@:\\]*\.)?'  # the host may lie below the domain
END = r'\.?(?::[0-9]*)?(?:[/?#"]|\\\\)'


def link_to(domain: str) -> ColumnElement[bool]:
    """A link of the mail opens this domain or what lies below it. BadInput when it is none."""
    try:
        name = ascii_domain(domain.removeprefix("."))
    except ValueError as fault:
        raise BadInput(said_by(fault), field="link_domain") from fault
    spellings = sorted({json.dumps(one)[1:-1] for one in (name, display_host(name))})
    host = "|".join(map(re.escape, spellings))
    opens = SUMMARY.regexp_match(f'(?i)"target": " *(?:{WEB}|{MAIL}){ABOVE}(?:{host}){END}')
    return of_messages(or_(*(func.lower(SUMMARY).contains(one.lower(), autoescape=True) for one in spellings)), opens)


def attachment_condition(sha256: str) -> ColumnElement[bool]:
    """One of the mail's attachments has these bytes. BadInput when that is no digest."""
    digest = sha256.strip().lower()
    if not DIGEST.fullmatch(digest):
        raise BadInput(say("write the 64 hexadecimal digits of the attachment's `sha256`"), field="attachment_sha256")
    return of_messages(SUMMARY.contains(f'"sha256": "{digest}"'))


def of_messages(*where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Deliveries of such messages."""
    return col(Delivery.message_id).in_(select(col(Message.id)).where(*where))
