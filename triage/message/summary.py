"""Parses a message's raw bytes into a Summary, in a bounded way. Never raises."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, NamedTuple, Self

from triage.addressing.envelope import Address
from triage.message import returned
from triage.message.authors import author_of, named_addresses
from triage.message.claimed_author import authors_of
from triage.message.fingerprint import Fingerprint, make_fingerprint
from triage.message.mime.attachments import files_of
from triage.message.mime.calendar import Calendar, read_calendar as calendar_of
from triage.message.mime.coded_pictures import may_hold_codes
from triage.message.mime.decoding import decode_words, text_of
from triage.message.mime.delivery_status import (
    MEDIA_TYPES,
    Status,
    is_mail_system,
    is_mail_system_without_address,
    read_delivery_status as read_statuses,
)
from triage.message.mime.file_content import examine_content
from triage.message.mime.html_text import crude_text, html_skeleton, page_parts, text_and_links, too_much
from triage.message.mime.links import TARGET_LIMIT
from triage.message.mime.mime_parts import (
    PART_LIMIT,
    Field,
    Part,
    TooMuch,
    charset_of_text,
    fields_of,
    first_field,
    headers_of,
    is_unencoded,
    media_type_of,
    parts_of,
)
from triage.message.mime.text_parts import READ_LIMIT, Text, as_preferred, is_text, plain_links, plain_target, texts_of
from triage.message.mime.zip_members import Room
from triage.say import dump_parameter, load_parameter, say
from triage.text.json_values import as_dict
from triage.text.sanitize import escape_visible, readable_text


@dataclass(frozen=True, slots=True)
class Link:
    """Link of a message: its text for the reader and its true target."""

    text: str
    target: str


@dataclass(frozen=True, slots=True)
class Code:
    """A QR code that opens a web page. Its address is also a link of the message, without a text."""

    place: str  # name or media type of the picture or document that has it
    target: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """Attachment by its description; its bytes stay in the message."""

    number: int  # from 1, in the order of the message
    name: str
    media_type: str
    size: int  # bytes, decoded
    sha256: str
    names: tuple[str, ...] = ()  # of the files in an archive, as far as they can be read
    closed: bool = False  # an archive of which nobody can say all that it holds: an encrypted one, or one name too many
    also: tuple[str, ...] = ()  # further names that it gives itself, of which a program may take another one
    finding: str = ""  # what it is by its bytes: a word of mime/file_content.py
    locked: bool = False  # it is closed because a password protects it, and for no other reason

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The value that `as_json` wrote."""
        return cls(**values | {"names": tuple(values.get("names", ())), "also": tuple(values.get("also", ()))})

    def by_each_name(self) -> Iterator[Self]:
        """The attachment as programs show it that take another one of its names."""
        yield self
        yield from (replace(self, name=name, also=()) for name in self.also)


@dataclass(frozen=True, slots=True)
class Summary:
    """A message as the policy, the signals and the staff need it. All text is Unicode without control characters."""

    parsed: bool = False  # False: could not be read within the limits; shown as "unparsable"
    author_name: str = ""
    author: str = ""  # the one author's address, folded; "" unless there is exactly one From field with one mailbox
    authors: tuple[str, ...] = ()  # every mailbox of every From field, as far as readable; the author or claimed author first
    sender: str = ""
    reply_to: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    subject: str = ""
    date: str = ""  # as written
    message_id: str = ""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    list_id: str = ""
    original_from: str = ""  # the address in X-Original-From: the author, as a list that put itself in the From tells
    original_name: str = ""  # the display name there
    author_name_as_sent: str = ""  # where nobody has encoded the author's name: as it reads without the charset of the text
    auto_submitted: str = ""
    precedence: str = ""
    content_type: str = ""
    hops: int = 0
    text: str = ""  # the readable text, at most 64 KiB characters
    links: tuple[Link, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    problems: tuple[str, ...] = ()  # what was wrong with it, in words
    overlooked: tuple[str, ...] = ()  # those of them that say what was too much to be looked at
    automatic: str = ""  # the field by which it says that nobody waits for an answer: a list, bulk, an automatic reply
    by_mail_system: bool = False  # its one From field is that of a mail system, with an address or without a clear one
    report_type: str = ""  # of a multipart/report (RFC 6522)
    statuses: tuple[Status, ...] = ()  # what a delivery report says about each recipient
    returned_ids: tuple[str, ...] = ()  # Message-IDs of the messages that a report or a mail system returns, whole or their headers
    added: str = ""  # the first file that stands beside these messages and is no part of a report
    list_post: str = ""  # where posts to its list go (RFC 2369, 3.4), folded
    calendar_method: str = ""  # of its calendar part (RFC 5546), folded
    calendar_uid: str = ""  # of the first entry in it
    calendar_starts: str = ""  # when that begins, ISO 8601 in UTC
    fingerprint: str = ""  # Fingerprint.as_text; "" where nothing is left to recognise it by
    page_parts: tuple[str, ...] = ()  # form, password, script; "attached form" … where an attached page has them
    skeleton: str = ""  # html_text.skeleton of its HTML
    pictures: int = 0  # parts that may hold a QR code: pictures and PDF documents
    codes: tuple[Code, ...] = ()  # found in them, where somebody has searched (codes/)
    mailer: str = ""  # the program that says to have written it

    @property
    def claimed_author(self) -> str:
        """Claimed author of a message without a clear one, "" where it has one or names nobody. Never a proof."""
        return "" if self.author else next(iter(self.authors), "")

    def as_json(self) -> dict[str, Any]:
        """Plain values; `from_json` reads them back."""
        return as_dict(self) | {
            "problems": list(map(dump_parameter, self.problems)),
            "overlooked": list(map(dump_parameter, self.overlooked)),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The value that `as_json` wrote; TypeError or KeyError on anything else."""
        plain: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        for name in ("problems", "overlooked"):
            plain[name] = tuple(map(load_parameter, values.get(name, ())))
        plain["links"] = tuple(Link(**link) for link in values.get("links", ()))
        plain["codes"] = tuple(Code(**code) for code in values.get("codes", ()))
        plain["attachments"] = tuple(Attachment.from_json(attachment) for attachment in values.get("attachments", ()))
        plain["statuses"] = tuple(Status(**status) for status in values.get("statuses", ()))
        return cls(**plain)


def sender_address(summary: Summary, reverse_path: str) -> str:
    """The address under which staff see a message: its author, whom it claims to be from, or else the folded envelope sender."""
    return summary.author or summary.claimed_author or reverse_path.casefold()


MEMBERS_LIMIT = 200  # addresses of To and Cc, Message-IDs of References
PEOPLE_LIMIT = 20  # recipients whose names the fingerprint leaves out
SUBJECT_LIMIT = 1_000  # characters
TEXT_LIMIT = 64 * 1024  # characters
LINK_LIMIT = 500
TARGETS_LIMIT = 256 * 1024  # characters of the targets of all links together
NAME_LIMIT = 255  # characters of one file name
NAMES_LIMIT = 2_000  # names within all archives together: each is looked at for each recipient
WITHIN_LIMIT = 192 * 1024  # characters of these names together
NAMED_LIMIT = 64 * 1024  # characters of all names that attachments give themselves
WORD_LIMIT = 500  # characters of the short fields
OF_REPORT = re.compile(  # media types of what mail systems write themselves, and of the pictures and signatures that some add
    r"text/(?:plain|rfc822-headers)|message/(?:global-)?(?:delivery-status|headers)|image/(?:png|jpe?g|gif|bmp)"
    r"|application/(?:(?:x-)?pkcs7|pgp)-signature"
)
NAME_IN_REPORT = re.compile(r"[^.]*|.*\.(?:te?xt|log|png|jpe?g|gif|bmp|p7s|asc)", re.IGNORECASE)
PAGES = frozenset({"text/html", "application/xhtml+xml", "image/svg+xml"})
PAGE_NAME = re.compile(r"\.(?:html?|shtml|xhtml|svg)$", re.IGNORECASE)
ROBOTS = (  # written by programs
    *("x-auto-response-suppress", "x-autoreply", "x-autorespond", "x-autoresponder", "x-mail-autoreply", "x-vacation", "x-autogenerated"),
    *("feedback-id", "x-mailroom-notice"),
)
SHOWN = frozenset({"subject", "from", "x-original-from"})
BULK = frozenset({"bulk", "list", "junk", "auto_reply"})  # values of Precedence
IDENTIFIER = re.compile(r"<([^<>\s]{1,500})>")
MAILTO = re.compile(r"<mailto:([^<>?\s]{3,254})[?>]", re.IGNORECASE)
RECEIPT = "disposition-notification"  # the report type (RFC 8098, 3)


def make_summary(raw: bytes, *, headers_only: bool = False) -> Summary:
    """Read a message. Bounded by the limits of `mime` and `markup`; what goes past them is `parsed=False` with the reason.

    `headers_only` leaves the body alone: for a message whose body was too much for its parser.
    """
    try:
        fields, sound = fields_of(headers_of(raw))
    except TooMuch as limit:
        return Summary(problems=(say("It could not be read: {why}.", why=limit),))
    media_type, options = media_type_of(first_field(fields, "content-type"), "text/plain")
    report_type = single_line(options.get("report-type", "").casefold()) if media_type == "multipart/report" else ""
    about = summarise_header(fields, single_line(media_type), report_type)
    problems = about.problems if sound else (*about.problems, say("A line of the header block is malformed."))
    if headers_only:
        return replace(about, problems=problems)
    try:
        parts = parts_of(raw)
        attached = tuple(list_attachments(parts))
    except TooMuch as limit:
        return replace(about, problems=(*problems, say("It could not be read: {why}.", why=limit)))
    about = in_charset(about, fields, charset_of_text(parts))
    said = summarise_body(parts)
    overlooked = (*said.overlooked, *(describe_no_message(part) for part in parts if part.is_no_mail))
    ids = returned_ids(about, parts)
    calendar = next((calendar_of(part.text()) for part in parts if part.media_type == "text/calendar"), Calendar())
    read = replace(
        about,
        parsed=True,
        text=said.text,
        links=said.links,
        attachments=attached,
        problems=(*problems, *overlooked),
        overlooked=overlooked,
        statuses=next(filter(None, (read_statuses(part.content()) for part in parts if part.media_type in MEDIA_TYPES)), ()),
        in_reply_to=(*about.in_reply_to, *message_ids(returned.receipt_id(parts) if report_type == RECEIPT else [])),
        returned_ids=ids,
        added=next(added_files(parts), "") if ids else "",
        calendar_method=calendar.method,
        calendar_uid=calendar.uid,
        calendar_starts=calendar.starts_at,
        page_parts=tuple(sorted({*said.page_parts, *attached_page_parts(parts)})),
        skeleton=said.skeleton,
        pictures=sum(map(may_hold_codes, parts)),
    )
    found = fingerprint_of(read)
    return replace(read, fingerprint=found.as_text() if found else "")


def describe_no_message(part: Part) -> str:
    """Says that an attachment has the media type of a message and is none."""
    if part.name:
        return say("The attachment {name} claims to be a message and is none.", name=file_name(part.name))
    return say("An attachment claims to be a message and is none.")


def fingerprint_of(summary: Summary) -> Fingerprint | None:
    """Makes the fingerprint that recognises a message when it comes again; None without content. Author and recipients are no part."""
    return make_fingerprint(
        summary.subject,
        summary.text,
        targets=[link.target for link in summary.links],
        attachments=[attachment.sha256 for attachment in summary.attachments],
        people=(summary.author_name, *summary.authors, *summary.reply_to, *summary.to[:PEOPLE_LIMIT]),
    )


def returned_ids(about: Summary, parts: list[Part]) -> tuple[str, ...]:
    """Message-IDs of the messages that it returns: attached to a report, and by a mail system in any form."""
    if about.by_mail_system:
        return tuple(dict.fromkeys(message_ids([*returned.attached_ids(parts), *returned.written_ids(parts)])))
    return message_ids(returned.attached_ids(parts)) if about.content_type == "multipart/report" else ()


def summarise_json(raw: bytes, options: Mapping[str, Any]) -> bytes:
    """`make_summary` for a bounded child: the Summary as JSON. Options: headers_only."""
    return json.dumps(make_summary(raw, headers_only=bool(options.get("headers_only"))).as_json()).encode()


def summarise_header(fields: tuple[Field, ...], content_type: str, report_type: str) -> Summary:
    """Summarises the header block."""
    by_name: dict[str, list[Field]] = {}
    for field in fields:
        by_name.setdefault(field.name, []).append(field)

    def values(*names: str) -> list[bytes]:
        return [field.value for name in names for field in by_name.get(name, [])]

    author = author_of(values("from"), strict=all(field.strict for field in by_name.get("from", [])))
    authors = authors_of(values("from"))
    original = author_of(values("x-original-from"))
    system = [one.strict and is_mail_system_without_address(one.text) for one in by_name.get("from", [])] == [True]
    return Summary(
        author_name=author.name,
        author=author.address,
        authors=authors,
        sender=next(iter(named_addresses(values("sender"))), ""),
        reply_to=named_addresses(values("reply-to")),
        to=named_addresses(values("to", "cc"))[:MEMBERS_LIMIT],
        subject=single_line(first_field(fields, "subject"), SUBJECT_LIMIT),
        date=single_line(first_field(fields, "date")),
        message_id=next(iter(message_ids(values("message-id"))), ""),
        in_reply_to=message_ids(values("in-reply-to")),
        references=message_ids(values("references")),
        list_id=list_id(first_field(fields, "list-id")),
        list_post=list_post(first_field(fields, "list-post")),
        original_from=original.address,
        original_name=original.name,
        auto_submitted=single_line(first_field(fields, "auto-submitted").partition(";")[0].strip().casefold()),
        precedence=single_line(first_field(fields, "precedence").casefold()),
        content_type=content_type,
        report_type=report_type,
        hops=len(by_name.get("received", [])),
        automatic=automatic_field(fields),
        mailer=single_line(first_field(fields, "x-mailer") or first_field(fields, "user-agent")),
        by_mail_system=is_mail_system(author.address) or (not author.address and system),
        problems=tuple(author_problems(len(by_name.get("from", [])), author.address, authors)),
    )


def in_charset(about: Summary, fields: tuple[Field, ...], charset: str) -> Summary:
    """The same with subject and names in this charset, where nobody has encoded them. Addresses stay as they were read."""
    if not charset or not is_unencoded(fields, SHOWN):
        return about
    name, original = (
        author_of(field.text_in(charset).encode("utf-8", "replace") for field in fields if field.name == which).name
        for which in ("from", "x-original-from")
    )
    subject = next((single_line(field.text_in(charset), SUBJECT_LIMIT) for field in fields if field.name == "subject"), "")
    as_sent = about.author_name if name != about.author_name else ""
    return replace(about, subject=subject, author_name=name, author_name_as_sent=as_sent, original_name=original)


def automatic_field(fields: tuple[Field, ...]) -> str:
    """The name of the first field by which a program wrote it, or by which it went to many; "" when none says so (RFC 3834, 2)."""
    for field in fields:
        robot = field.name in ROBOTS or (field.name == "auto-submitted" and single_line(field.text).casefold() != "no")
        many = field.name.startswith("list-") or (field.name == "precedence" and single_line(field.text).casefold() in BULK)
        if robot or many:
            return escape_visible(field.name)
    return ""


def author_problems(count: int, author: str, authors: tuple[str, ...]) -> list[str]:
    """Returns why there is not exactly one author; empty when there is."""
    if author:
        return []
    if count == 0:
        return [say("It has no From field.")]
    if count > 1:
        return [say("It has {count} From fields.", count=count)]
    if len(authors) > 1:
        return [say("Its From field names {count} addresses.", count=len(authors))]
    return [say("Its From field is malformed: programs would read it in different ways.")]


def single_line(text: str, limit: int | None = WORD_LIMIT) -> str:
    """A field's text on one line: encoded words decoded, white space collapsed, harmless."""
    return escape_visible(" ".join(decode_words(text).split()))[:limit]


def file_name(text: str) -> str:
    """A file's name on one line. What is too long is cut in its middle: how it ends says what opens it."""
    name = single_line(text, None)
    return name if len(name) <= NAME_LIMIT else f"{name[: NAME_LIMIT // 2]}…{name.rstrip(' .')[-NAME_LIMIT // 2 + 1 :]}"


def message_ids(values: list[bytes]) -> tuple[str, ...]:
    """Message-IDs without their brackets, the last ones when there are many."""
    return tuple(escape_visible(one) for value in values for one in IDENTIFIER.findall(text_of(value)))[-MEMBERS_LIMIT:]


def list_id(text: str) -> str:
    """The identifier of List-Id (RFC 2919), folded, without its description."""
    found = IDENTIFIER.search(text)
    return single_line((found[1] if found else text).casefold())


def list_post(text: str) -> str:
    """The address in List-Post, folded; "" when there is none."""
    found = MAILTO.search(text)
    try:
        return str(Address.parse(found[1])) if found else ""
    except ValueError:
        return ""


class Body(NamedTuple):
    """Texts of a message, with their links and page parts."""

    text: str
    links: tuple[Link, ...]
    overlooked: list[str]
    page_parts: set[str]
    skeleton: str


def summarise_body(parts: list[Part]) -> Body:
    """The readable text, the links of all texts, what was too much, and what its HTML has beside."""
    said: dict[Text, str] = {}
    found: dict[tuple[str, str], None] = {}
    overlooked: list[str] = []
    beside: set[str] = set()
    built = ""
    for one in texts_of(parts):
        said[one] = one.text
        if not one.is_html:
            found.update({(shown, plain_target(shown)): None for _, shown in plain_links(one.text)})
            continue
        beside.update(page_parts(one.text))
        built = built or html_skeleton(one.text)
        if reason := too_much(one.text):
            overlooked.append(say("Only its text is shown: {reason}.", reason=reason))
            said[one] = crude_text(one.text)
        else:
            said[one], links = text_and_links(one.text)
            found.update(dict.fromkeys(links))
    chosen = "\n\n".join(words for one in as_preferred([*said], html=False) if (words := said[one]).strip())
    listed = tuple(first_links(found))
    if len(listed) < len(found):
        overlooked.append(say("It has {links} links; the first {listed} are listed.", links=len(found), listed=len(listed)))
    return Body(readable_text(chosen[: 4 * TEXT_LIMIT]).strip()[:TEXT_LIMIT], listed, overlooked, beside, built)


def first_links(found: Iterable[tuple[str, str]]) -> Iterator[Link]:
    """The links that are listed of these, each a text and a target: as many as stay within the limits, from the first on."""
    room = TARGETS_LIMIT
    for text, target in islice(found, LINK_LIMIT):
        shown = escape_visible(target)[:TARGET_LIMIT]
        room -= len(shown)
        if room < 0:
            return
        yield Link(readable_text(" ".join(text.split()))[:WORD_LIMIT], shown)


def attached_page_parts(parts: list[Part]) -> Iterator[str]:
    """Yields the active parts of attached pages, such as forms and scripts."""
    for part in parts:
        if not is_text(part) and (part.media_type in PAGES or PAGE_NAME.search(part.name)):
            yield from (f"attached {one}" for one in page_parts(text_of(part.content()[:READ_LIMIT], part.charset)))


def list_attachments(parts: list[Part]) -> Iterator[Attachment]:
    """Lists the attachments, numbered from 1. TooMuch above the limit of parts, or where names are too long."""
    left, room, own, unread = NAMES_LIMIT, WITHIN_LIMIT, NAMED_LIMIT, Room()
    for number, (name, media_type, also, content) in enumerate(files_of(parts), 1):
        if number > PART_LIMIT:
            raise TooMuch(say("it has more than {part_limit} parts", part_limit=PART_LIMIT))
        shown, others = file_name(name), tuple(map(file_name, also))
        own -= count_letters((shown, *others))
        if own < 0:
            raise TooMuch(say("the names of its attachments together are longer than {named_limit} characters", named_limit=NAMED_LIMIT))
        examined = examine_content(content, (name, *also), media_type, unread)
        inside = examined.archive
        within = tuple(fitting_names(map(file_name, inside.names[:left]), room))
        cut = inside.unread or len(within) < len(inside.names)
        left, room = left - len(within), room - count_letters(within)
        digest = hashlib.sha256(content).hexdigest()
        closed, locked = cut or inside.locked, inside.locked and not cut
        yield Attachment(number, shown, single_line(media_type), len(content), digest, within, closed, others, examined.finding, locked)


def count_letters(names: Iterable[str]) -> int:
    """Counts the characters of all these names."""
    return sum(map(len, names))


def fitting_names(names: Iterable[str], room: int) -> Iterator[str]:
    """Yields names from the first on, as long as they have no more than `room` characters together."""
    for name in names:
        room -= len(name)
        if room < 0:
            return
        yield name


def added_files(parts: list[Part]) -> Iterator[str]:
    """The files that lie in none of the messages which are returned, without what belongs to a report."""
    for name, media_type, also, _ in files_of(returned.outer_parts(parts)):
        if not (OF_REPORT.fullmatch(media_type) and all(map(NAME_IN_REPORT.fullmatch, (name, *also)))):
            yield file_name(name) or single_line(media_type)
