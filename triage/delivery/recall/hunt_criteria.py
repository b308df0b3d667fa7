"""Criteria of a hunt: subject, Message-ID, sender pattern, link or attachment hash, and since when. Values, and whether a message fits."""

import re
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, Self

from triage.errors import BadInput
from triage.message.mime.links import host_name, link_destination
from triage.message.summary import Link, Summary
from triage.say import list_with_and, quote_text, say

HUNT = "hunt"  # verb of a hunt; in the selection of a sweep: the hunt that found what it removes
SHORTEST, LONGEST = 4, 200  # characters of a criterion: fewer would be about most messages
DIGEST = re.compile(r"[0-9a-f]{64}")
WILD = re.compile(r"[*?]+")
SHARP = re.compile("[ßẞ]|ss", re.IGNORECASE)
LETTERS = re.compile(r"\w")
MOST_READ, MOST_READ_WHOLE = 2_000, 500  # messages of one mailbox of which the header, or all, is read: the newest
MOST_FOUND = 200  # messages of one mailbox that fit
LASTS = timedelta(hours=1)  # how long a mailbox is tried again
OLDEST = timedelta(days=366)  # how far back a hunt looks
OLDEST_READ = timedelta(days=31)  # the same where every message with an attachment is read
TEXTS = ("subject", "message_id", "sender", "link", "sha256")


@dataclass(frozen=True, slots=True)
class Criteria:
    """Criteria of a hunt; all that is given must fit, and "" is not asked for."""

    since: datetime  # by the date of receipt in the mailbox
    subject: str = ""  # part of it
    message_id: str = ""  # whole, without brackets
    sender: str = ""  # an author's address; * and ? stand for other letters
    link: str = ""  # host of a link, or one above it; with a slash: part of a link's target
    sha256: str = ""  # of an attachment

    @classmethod
    def of(cls, since: datetime | None, now: datetime, **given: str) -> Self:
        """Reads what a person gave. BadInput for nothing, for too little, and for a time too long ago."""
        texts = {name: given.get(name, "").strip() for name in TEXTS}
        texts |= {"message_id": texts["message_id"].strip("<>")} | {name: texts[name].casefold() for name in ("sender", "link", "sha256")}
        check_texts(texts)
        oldest = OLDEST_READ if texts["sha256"] else OLDEST
        since = since or now - OLDEST_READ
        if since < now - oldest:
            raise BadInput(say("a hunt with these criteria looks back {days} days at most", days=oldest.days), field="since")
        return cls(since, **texts)

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Self:
        """The value that `as_json` wrote."""
        return cls(datetime.fromisoformat(kept["since"]), **{name: kept[name] for name in TEXTS if name in kept})

    def as_json(self) -> dict[str, Any]:
        """For a decision's record: what is asked for."""
        return {name: value for name, value in asdict(self).items() if value} | {"since": self.since.isoformat()}

    @property
    def reads_bodies(self) -> bool:
        """Whether the header of a message is not enough to say whether it fits."""
        return bool(self.link or self.sha256)

    def fits(self, summary: Summary, received_at: datetime) -> bool:
        """Whether a message is one of those. The count, the list and the removal ask nothing else."""
        return (
            received_at >= self.since
            and self.subject.casefold() in summary.subject.casefold()
            and self.message_id.casefold() in ("", summary.message_id.casefold())
            and (not self.sender or any(map(self.is_sender, summary.authors)))
            and (not self.link or any(leads_to(one, self.link) for one in summary.links))
            and (not self.sha256 or any(one.sha256 == self.sha256 for one in summary.attachments))
        )

    def is_sender(self, author: str) -> bool:
        """Whether an author's address fits the sender pattern."""
        return fnmatchcase(author.casefold(), self.sender.replace("[", "[[]"))

    def subject_part(self) -> str:
        """The longest part of the subject that servers find in either case: for few of them ß is ss."""
        return max(SHARP.split(self.subject), key=len)

    def sender_part(self) -> str:
        """The longest part of the sender pattern that every match holds: servers know no wildcards."""
        return max(WILD.split(self.sender), key=len)

    def describe(self) -> str:
        """The criteria in words."""
        given = {name: quote_text(getattr(self, name)) for name in TEXTS}
        said = {
            "subject": say("subject {value}", value=given["subject"]),
            "message_id": say("Message-ID {value}", value=given["message_id"]),
            "sender": say("sender {value}", value=given["sender"]),
            "link": say("link {value}", value=given["link"]),
            "sha256": say("attachment {value}", value=given["sha256"]),
        }
        return list_with_and(words for name, words in said.items() if getattr(self, name))


def check_texts(texts: dict[str, str]) -> None:
    """BadInput unless something is asked for, and each text is long enough to mean few messages and short enough for a server."""
    if not any(texts.values()):
        raise BadInput(say("name what to look for: a subject, a Message-ID, a sender, a link or the SHA-256 of an attachment"))
    for name, text in texts.items():
        plain = max(WILD.split(text), key=len) if name == "sender" else text
        if text and (len(LETTERS.findall(plain)) < SHORTEST or len(text) > LONGEST or not text.isprintable()):
            raise BadInput(
                say(
                    "{value} must have {least} to {most} letters or digits in a row",
                    value=quote_text(text[:80]),
                    least=SHORTEST,
                    most=LONGEST,
                ),
                field=name,
            )
    if texts["sha256"] and not DIGEST.fullmatch(texts["sha256"]):
        raise BadInput(say("write the 64 hexadecimal digits of the attachment's `sha256`"), field="sha256")


def leads_to(link: Link, wanted: str) -> bool:
    """Whether a link opens this host or one below it; with a slash, whether its target holds the text."""
    if "/" in wanted:
        return wanted in link.target.casefold()
    host, name = link_destination(link.target).host, host_name(wanted) or wanted
    return host == name or host.endswith("." + name)
