"""Deviations of a known sender's message from their earlier ones: combinations of signals, with reason and evidence. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice

from triage.message.mime.links import WEB, display_host, is_related_host, registered_organisation, shown_host
from triage.message.mime.rewritten_links import real_destination
from triage.message.signals.signal_context import Seen, Signal
from triage.message.summary import Summary
from triage.say import say

BANK_DETAILS, PASSWORD_FORM, LINK_TEXT, ATTACHMENT = "bank-details", "password-form", "link-text", "attachment"
DISGUISED, ACCOUNT = "disguised", "account"
LOOKED_AT = 100  # links
DANGEROUS = ("attachment-runs", "attachment-disguised", "attachment-macros", "attachment-page", "attachment-encrypted")  # signals
PASSWORDS = ("page-password", "attached-password")  # signals


@dataclass(frozen=True, slots=True)
class Deviation:
    """Combination of signals in a message."""

    check: str  # of CHECKS
    reason: str  # a sentence without its end
    evidence: str  # what makes it usual when earlier messages had the same; "": nothing does


def find_deviations(seen: Seen, signals: Iterable[Signal]) -> tuple[Deviation, ...]:
    """Finds combinations of signals that a message shows by itself. `signals`: those that it shows by itself."""
    named = {one.name: one for one in signals}
    return tuple(deviation for find in CHECKS.values() for deviation in find(seen, named))


def find_bank_details(seen: Seen, named: dict[str, Signal]) -> Iterable[Deviation]:
    """New or changed bank details, and replies go elsewhere."""
    bank, reply = named.get("bank-details"), named.get("reply-elsewhere")
    if bank and reply:
        said, address = bank.evidence[0], reply.evidence[0]
        yield Deviation(
            BANK_DETAILS,
            say("it mentions new bank details (“{said}”), and replies go to {address}, not to the sender", said=said, address=address),
            address,
        )


def find_password_form(seen: Seen, named: dict[str, Signal]) -> Iterable[Deviation]:
    """A form in the message, or in an attached page, asks for a password."""
    found = next((name for name in PASSWORDS if name in named), "")
    if found == "page-password":
        yield Deviation(PASSWORD_FORM, say("a form in the message asks for a password"), found)
    elif found:
        yield Deviation(PASSWORD_FORM, say("an attached page asks for a password"), found)


def find_link_text(seen: Seen, named: dict[str, Signal]) -> Iterable[Deviation]:
    """A link shows the address of one organisation and opens that of another."""
    if "link-differs" not in named:
        return
    found = dict(disguised_links(seen.summary))
    for opened, shown in found.items():
        reason = say("a link shows {shown} and opens {opened}", shown=display_host(shown), opened=display_host(opened))
        yield Deviation(LINK_TEXT, reason, registered_organisation(opened))


def disguised_links(summary: Summary) -> Iterable[tuple[str, str]]:
    """Yields (opens, shows) for links whose text shows another organisation's address than they open.

    Links to the author's own organisation are no disguise of a stolen account, nor are click counters of a bulk message where the text
    shows that organisation.
    """
    author, bulk = summary.author.rpartition("@")[2], bool(summary.automatic)
    for link in islice(summary.links, LOOKED_AT):
        shown, to = shown_host(link.text), real_destination(link.target)
        if not shown or not to.host or to.scheme not in WEB or is_related_host(shown, to.host) or is_related_host(to.host, author):
            continue
        if not (bulk and is_related_host(shown, author)):
            yield to.host, shown


def find_disguised(seen: Seen, named: dict[str, Signal]) -> Iterable[Deviation]:
    """Words in look-alike letters, or a link with a name before an @ that it does not open."""
    if found := named.get("disguised-words"):
        yield Deviation(DISGUISED, say("it uses look-alike letters (“{words}”)", words=found.evidence[0]), found.name)
    elif found := named.get("link-hides-host"):
        host = display_host(real_destination(found.evidence[0]).host)
        yield Deviation(DISGUISED, say("a link hides that it opens {host}", host=host), found.name)


def find_account(seen: Seen, named: dict[str, Signal]) -> Iterable[Deviation]:
    """Yields a deviation when a message asks for a password or an account and its links lead elsewhere than to its sender."""
    words, links = named.get("asks-for-secrets"), named.get("links-elsewhere")
    if words and links:
        said, host = words.evidence[0], links.evidence[0]
        reason = say("it asks you to act on an account (“{said}”), and its links lead to {host}", said=said, host=host)
        yield Deviation(ACCOUNT, reason, host)


def find_attachment(seen: Seen, named: dict[str, Signal]) -> Iterable[Deviation]:
    """A dangerous attachment."""
    found = next((named[name] for name in DANGEROUS if name in named), None)
    if found:
        name = found.evidence[0]
        yield Deviation(ATTACHMENT, say("it brings a dangerous attachment ({name}), which this sender never sent", name=name), found.name)


CHECKS: dict[str, Callable[[Seen, dict[str, Signal]], Iterable[Deviation]]] = {
    BANK_DETAILS: find_bank_details,
    PASSWORD_FORM: find_password_form,
    LINK_TEXT: find_link_text,
    ATTACHMENT: find_attachment,
    DISGUISED: find_disguised,
    ACCOUNT: find_account,
}
