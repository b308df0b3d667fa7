"""Parts of a message that conditions of content rules match, each read once and only where a rule asks for it. Pure."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cached_property

from triage.addressing.envelope import ancestor_domains
from triage.message.language import find_language
from triage.message.mime.rewritten_links import real_destination
from triage.message.summary import Summary
from triage.policy.content_rules import conditions
from triage.policy.content_rules.conditions import INCOMING, INTERNAL, SIGNALS, WORDINGS

LONGEST_NAME = 255


@dataclass(frozen=True)
class MessageContent:
    """A message as the conditions see it. `signals`: the names of those that it shows."""

    summary: Summary
    signals: Collection[str] = ()
    is_internal: bool = False

    def values(self, name: str) -> frozenset[str]:
        """Returns the message's values for one condition."""
        return READ[name](self)

    @cached_property
    def content_signals(self) -> frozenset[str]:
        """The signals that it shows of itself: at a trial later ones are known too."""
        return SIGNALS.intersection(self.signals)

    @cached_property
    def wordings(self) -> frozenset[str]:
        """Topics of the message's wording."""
        return self.content_signals.intersection(WORDINGS)

    @cached_property
    def link_domains(self) -> frozenset[str]:
        """Domains that its links open once rewriting is undone, and their parent domains."""
        hosts = {real_destination(target).host for target in {link.target for link in self.summary.links}}
        return frozenset(domain for host in hosts if host for domain in ancestor_domains(host))

    @cached_property
    def authors(self) -> frozenset[str]:
        """Authors in its From fields, with their domains."""
        return frozenset(with_domains(self.summary.authors))

    @cached_property
    def replies(self) -> frozenset[str]:
        """Reply-To addresses, with their domains."""
        return frozenset(with_domains(self.summary.reply_to))

    @cached_property
    def file_names(self) -> frozenset[str]:
        """Lists the names of attachments and of the files inside them."""
        every = (name for one in self.summary.attachments for name in (one.name, *one.also, *one.names))
        return frozenset(name.casefold()[-LONGEST_NAME:] for name in every)

    @cached_property
    def file_kinds(self) -> frozenset[str]:
        """Kinds of its attachments: findings in their bytes, and declared media types."""
        return frozenset(kind for one in self.summary.attachments for kind in (one.finding, one.media_type.casefold()) if kind)

    @cached_property
    def file_digests(self) -> frozenset[str]:
        """The SHA-256 of each attachment."""
        return frozenset(one.sha256 for one in self.summary.attachments)

    @cached_property
    def lists(self) -> frozenset[str]:
        """Through which mailing list it came."""
        return frozenset(filter(None, (self.summary.list_id.casefold(),)))

    @cached_property
    def languages(self) -> frozenset[str]:
        """The language that it is written in, as far as that can be told."""
        return frozenset(filter(None, (find_language(f"{self.summary.subject}\n{self.summary.text}"),)))

    @cached_property
    def directions(self) -> frozenset[str]:
        """Direction of the message: from outside, or sent inside the company."""
        return frozenset((INTERNAL if self.is_internal else INCOMING,))


def with_domains(addresses: Iterable[str]) -> Iterable[str]:
    """Addresses, the domains that they are in, and the domains above."""
    for address in addresses:
        yield address.casefold()
        yield from ancestor_domains(address.casefold().rpartition("@")[2])


READ: dict[str, Callable[[MessageContent], frozenset[str]]] = {
    conditions.ATTACHMENT_HASH: lambda message: message.file_digests,
    conditions.LINK_DOMAIN: lambda message: message.link_domains,
    conditions.REPLY_TO: lambda message: message.replies,
    conditions.AUTHOR: lambda message: message.authors,
    conditions.LIST: lambda message: message.lists,
    conditions.ATTACHMENT_NAME: lambda message: message.file_names,
    conditions.WORDING: lambda message: message.wordings,
    conditions.SIGNAL: lambda message: message.content_signals,
    conditions.ATTACHMENT_KIND: lambda message: message.file_kinds,
    conditions.LANGUAGE: lambda message: message.languages,
    conditions.DIRECTION: lambda message: message.directions,
}
