"""Messages of the demo: turns a draft into the bytes of a message and signs it with its sender's DKIM key."""

import html
import random
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from email.utils import format_datetime

import dkim  # type: ignore[import-untyped]

from demo.keys import Key
from demo.senders import BY_DOMAIN

SIGNED = (
    "From",
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "List-Id",
    "MIME-Version",
    "Content-Type",
)  # From twice: none can be added
SOFT_BREAK = re.compile(r"(?<=[^\n]{90})\n(?=[^\n])")  # our own source is wrapped; a mail program does it again
WIDTH = 76
URL = re.compile(r"https?://[^\s<>]+[^\s<>.,)]")
PARAGRAPH = '<p style="margin:0 0 12px 0">{}</p>'
PAGE = '<html><body style="font-family:Calibri,Arial,sans-serif;font-size:14px;color:#222222">\n{}\n</body></html>\n'


@dataclass(frozen=True, slots=True)
class File:
    """A file in a message. With a `cid` it is a picture inside the HTML text."""

    name: str
    media_type: str
    content: bytes
    cid: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message in words. Mailboxes are written `Name <address>` or as a bare address."""

    kind: str
    author: str
    to: tuple[str, ...]  # the To field and the envelope's recipients
    subject: str
    text: str
    html: str = ""  # "": made from the text
    plain: bool = False  # no HTML part at all
    reply_to: str = ""
    reverse_path: str | None = None  # None: the author's address
    signer: str | None = None  # the domain that signs; None: the author's, if it has a key; "": nobody
    fields: tuple[tuple[str, str], ...] = ()
    files: tuple[File, ...] = ()
    calendar: str = ""  # an iTIP request (RFC 6047)
    charset: str = ""  # what the message calls its UTF-8, where it lies
    moment: float | None = None  # when in the morning, 0 to 1; None: any time


@dataclass(frozen=True, slots=True)
class SampleMessage:
    """A message in bytes, with its envelope. It has no signature yet."""

    kind: str
    reverse_path: str
    recipients: tuple[str, ...]
    domain: str  # whose mail host sends it
    signer: str  # the domain that signs, or ""
    raw: bytes  # CRLF line ends

    def signed(self, keys: Mapping[str, Key]) -> bytes:
        """The message with its DKIM signature on top, as far as somebody signs it."""
        if not self.signer:
            return self.raw
        key = keys[BY_DOMAIN[self.signer].key]
        present = [
            name.encode() for name in SIGNED if f"\r\n{name}:".casefold().encode() in b"\r\n" + self.raw.partition(b"\r\n\r\n")[0].lower()
        ]
        signature: bytes = dkim.sign(
            self.raw,
            key.name.encode(),
            self.signer.encode(),
            key.private,
            canonicalize=(b"relaxed", b"relaxed"),
            signature_algorithm=key.algorithm,
            include_headers=present,
        )
        return signature + self.raw


def parse_mailbox(text: str) -> Address:
    """`Name <address>` or a bare address as a header value."""
    name, found, address = text.rpartition(" <")
    return Address(name, addr_spec=address.rstrip(">")) if found else Address(addr_spec=text)


def compose_message(draft: Draft, rng: random.Random, at: datetime) -> SampleMessage:
    """The draft as a sample written at this instant; ids and boundaries come from `rng`."""
    author = parse_mailbox(draft.author)
    recipients = tuple(parse_mailbox(text) for text in draft.to)
    reverse_path = author.addr_spec if draft.reverse_path is None else draft.reverse_path
    domain = reverse_path.rpartition("@")[2] or author.domain
    message = EmailMessage(policy=SMTP)
    message["Received"] = write_received(domain, rng, at)
    message["Date"] = format_datetime(at)
    message["From"] = author
    message["To"] = recipients
    message["Subject"] = draft.subject
    message["Message-ID"] = f"<{rng.getrandbits(64):016x}@{domain}>"
    if draft.reply_to:
        message["Reply-To"] = parse_mailbox(draft.reply_to)
    for name, value in draft.fields:
        message[name] = value
    fill_message(message, draft)
    for part in message.walk():
        if part is not message:
            del part["MIME-Version"]  # RFC 2045, 4: once, at the top
        if part.is_multipart():
            part.set_boundary(f"=_{rng.getrandbits(72):018x}")
    signer = signer_of(author.domain) if draft.signer is None else draft.signer
    addresses = tuple(recipient.addr_spec for recipient in recipients)
    return SampleMessage(draft.kind, reverse_path, addresses, domain, signer, relabel_charset(message.as_bytes(), draft.charset))


def write_received(domain: str, rng: random.Random, at: datetime) -> str:
    """The trace of the sender's own mail host (addresses of TEST-NET-2, RFC 5737)."""
    client = f"[198.51.100.{rng.randrange(1, 255)}]"
    return f"from {client} by mail.{domain} with ESMTPSA id {rng.getrandbits(48):012x}; {format_datetime(at)}"


def signer_of(domain: str) -> str:
    """The domain, if it signs its mail."""
    return domain if domain in BY_DOMAIN and BY_DOMAIN[domain].key else ""


def fill_message(message: EmailMessage, draft: Draft) -> None:
    """The text, its HTML form, pictures, calendar and attachments."""
    written = SOFT_BREAK.sub(" ", draft.text)
    text = wrap_text(written)
    message.set_content(text, cte=choose_encoding(text))
    if not draft.plain:
        page = draft.html or page_of(written)
        message.add_alternative(page, subtype="html", cte=choose_encoding(page))
        add_pictures(message, [file for file in draft.files if file.cid])
    if draft.calendar:
        message.add_alternative(draft.calendar, subtype="calendar", params={"method": "REQUEST"}, cte=choose_encoding(draft.calendar))
    for file in draft.files:
        if not file.cid:
            main, _, sub = file.media_type.partition("/")
            message.add_attachment(file.content, maintype=main, subtype=sub, filename=file.name)


def wrap_text(text: str) -> str:
    """The text in lines as long as mail programs write them; addresses of pages stay whole."""
    lines = (textwrap.wrap(line, WIDTH, break_long_words=False, break_on_hyphens=False) or [""] for line in text.splitlines())
    return "\n".join(line for pieces in lines for line in pieces) + "\n"


def choose_encoding(text: str) -> str | None:
    """The transfer encoding of a text: none for plain ASCII, base64 where most letters are outside of Latin scripts."""
    if text.isascii():
        return None
    return "base64" if sum(letter > "\u024f" for letter in text) > len(text) // 3 else "quoted-printable"


def add_pictures(message: EmailMessage, pictures: list[File]) -> None:
    """Pictures that belong to the HTML part (RFC 2387)."""
    page = message.get_body(("html",))
    for picture in pictures:
        main, _, sub = picture.media_type.partition("/")
        if isinstance(page, MIMEPart):
            page.add_related(
                picture.content, maintype=main, subtype=sub, cid=f"<{picture.cid}>", filename=picture.name, disposition="inline"
            )


def relabel_charset(raw: bytes, charset: str) -> bytes:
    """The message with another name for its charset."""
    if not charset:
        return raw
    return raw.replace(b'charset="utf-8"', f'charset="{charset}"'.encode()).replace(b"=?utf-8?", f"=?{charset}?".encode())


def page_of(text: str) -> str:
    """The text as the HTML that an ordinary mail program makes of it."""
    paragraphs = (html.escape(paragraph, quote=False).replace("\n", "<br>\n") for paragraph in text.strip().split("\n\n"))
    linked = (URL.sub(lambda found: f'<a href="{found[0]}">{found[0]}</a>', paragraph) for paragraph in paragraphs)
    return PAGE.format("\n".join(PARAGRAPH.format(paragraph) for paragraph in linked))
