"""Posts of mailing lists that put their own address in place of the author's: who wrote it, as the list tells. Never a proof."""

import re
from dataclasses import dataclass

from triage.message.authors import NAME_LIMIT
from triage.message.mime.links import is_related_host
from triage.message.summary import Summary

VIA = re.compile(r"(?:(?P<name>.{1,500}?)\s+)?\(?via\s+\S.*", re.IGNORECASE | re.DOTALL)  # Mailman, Google Groups, groups.io, Sympa
QUOTES = "'\"‘’“” "


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The author behind a list's address, as far as the list tells."""

    name: str
    address: str  # "" when the list does not say
    list_id: str

    @property
    def author(self) -> str:
        """Name or address of who wrote the post; "somebody" where neither is known."""
        return self.name or self.address or "somebody"

    @property
    def shown(self) -> str:
        """The author as staff see it."""
        return f"{self.author} via {self.list_id}"


def rewritten_author(summary: Summary) -> Rewritten | None:
    """The author of a post whose From is the list's own; None when it is no such post.

    The From must be of the list's organisation, and the list must say that it stands for somebody: by "via" in the name, by
    X-Original-From, or by an answer address elsewhere below a From that is the list itself. The name before "via" is the author's
    to choose: it may be blank, or so long that "via" was cut off, or be in a charset that swallows "via".
    """
    local, _, domain = summary.author.rpartition("@")
    if not summary.list_id or not is_related_host(domain, summary.list_id):
        return None
    is_list = summary.author == summary.list_post or local == summary.list_id.partition(".")[0]
    readings = (summary.author_name, summary.author_name_as_sent)
    found = [via for via in map(VIA.fullmatch, readings) if via]
    says_via = any(via["name"] or is_list for via in found) or any(len(one) >= NAME_LIMIT for one in readings)
    elsewhere = [one for one in summary.reply_to if not is_related_host(one.rpartition("@")[2], domain)]
    answer = elsewhere[0] if len(elsewhere) == 1 else ""
    if not says_via and not summary.original_from and not (answer and is_list):
        return None
    named = found[0]["name"] if found else summary.original_name or summary.author_name
    name = (named or summary.original_name).strip(QUOTES)
    return Rewritten(name, summary.original_from or answer, summary.list_id)


def shown_author(summary: Summary) -> str:
    """The author as staff see it: the address, or of a rewritten post "Anna via the list"."""
    post = rewritten_author(summary)
    return post.shown if post else summary.author


def shown_name(summary: Summary) -> str:
    """The author's display name, which says so when the message came through a list."""
    post = rewritten_author(summary)
    return post.shown if post and not VIA.fullmatch(summary.author_name) else summary.author_name
