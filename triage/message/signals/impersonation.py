"""Signals of impersonation: display names, look-alike domains, deceptive letters."""

import re
from collections.abc import Iterable
from itertools import islice

from triage.message.authors import loose_addresses
from triage.message.mailing_lists import rewritten_author
from triage.message.mime import links
from triage.message.mime.links import display_host, is_mixed, is_related_host, registered_organisation
from triage.message.signals.lookalikes import (
    looks_like,
    mailboxes_by_spelling,
    merge_look_alike_letters,
    plain_name,
    plain_names,
    spell_local_part,
)
from triage.message.signals.signal_context import Seen, Signal
from triage.say import say
from triage.text.sanitize import has_escapes

DISGUISE_LOOKED_AT = 2_000  # characters of the text
COMPARED = 50  # domains of one message: more of them say nothing new
# Greek, Cyrillic, Armenian, Cherokee, Coptic
FOREIGN = "\u0370-\u03ff\u0400-\u052f\u0531-\u058f\u13a0-\u13ff\u2c80-\u2cff\uab70-\uabbf"
MIXED = re.compile(f"\\b(?=[{FOREIGN}]{{0,30}}[A-Za-z]|[A-Za-z]{{1,30}}[{FOREIGN}])[A-Za-z{FOREIGN}]{{3,40}}\\b")
DRESSED = re.compile("[A-Za-z][\ufe00-\ufe0f\U000e0100-\U000e01ef]|[\U0001d400-\U0001d7ff]{3}")  # marks between letters; signs as letters
IMITATED = (
    "paypal amazon netflix microsoft onedrive sharepoint apple icloud coinbase metamask ledger trezor binance dhl fedex usps docusign"
    " dropbox facebook instagram linkedin whatsapp hsbc barclays santander bradesco itau nubank sparkasse volksbank postbank commerzbank"
    " laposte chronopost ameli correos bbva telekom vodafone adobe wetransfer norton mcafee hmrc spotify disney walmart costco tether ebay"
    " airbnb"
)
MUCH_IMITATED = {name.replace("i", "l"): name for name in IMITATED.split()}  # by what is compared: PayPaI has a great i


def borrowed_name(seen: Seen) -> Iterable[Signal]:
    """The display name is one of ours, the address is not."""
    shown = shown_name(seen)
    name = plain_name(shown)
    mailbox = plain_names(seen.people).get(name) if name else None
    address = seen.summary.author or next(iter(seen.summary.authors), "")
    if mailbox and address != mailbox and not seen.is_ours(address.rpartition("@")[2]):
        sentence = say("Display name is that of a colleague ({shown}), address is outside: {address}.", shown=shown, address=address)
        yield Signal("name-of-ours", sentence, 45, (shown, mailbox, address))


def borrowed_local_part(seen: Seen) -> Iterable[Signal]:
    """The address spells a colleague's one at another domain, and the display name is not the colleague's: that says `borrowed_name`."""
    author = seen.summary.author
    mailbox = mailboxes_by_spelling(seen.people).get(spell_local_part(author)) if author else None
    if mailbox and not seen.is_ours(seen.author_domain) and plain_name(shown_name(seen)) not in plain_names(seen.people):
        sentence = say("The address {address} looks like that of a colleague ({mailbox}), but is outside.", address=author, mailbox=mailbox)
        yield Signal("address-of-ours", sentence, 30, (mailbox, author))


def find_namesake(seen: Seen) -> Iterable[Signal]:
    """The display name is a known contact's, the address is another one."""
    author, known = seen.summary.author, seen.known.namesakes
    if author and known and author not in known and is_only_spelled(shown_name(seen), author, known[0]):
        sentence = say("The address {author} looks like that of your contact {known}, but is another one.", known=known[0], author=author)
        yield Signal("name-of-known", sentence, 25, (*known, author))
    elif author and known and author not in known:
        sentence = say("Display name is that of your contact {known}, address is another one: {author}.", known=known[0], author=author)
        yield Signal("name-of-known", sentence, 25, (shown_name(seen), *known, author))


def is_only_spelled(name: str, author: str, known: str) -> bool:
    """Whether the address looks like a known one, and the display name does not."""
    spelled = spell_local_part(author)
    return spelled != "" and spelled == spell_local_part(known) and spelled != merge_look_alike_letters(plain_name(name))


def shown_name(seen: Seen) -> str:
    """The author's display name; of a list's post that of whom it is from."""
    post = rewritten_author(seen.summary)
    return post.name if post else seen.summary.author_name


def much_imitated(seen: Seen) -> Iterable[Signal]:
    """The display name is that of a company in whose name much is forged, and the address has nothing to do with it."""
    shown, author = shown_name(seen), seen.summary.author
    words = plain_name(shown).replace("i", "l").split() if author else []
    name = next((MUCH_IMITATED[compared] for compared in MUCH_IMITATED if compared in words), "")
    if name and "vla" not in words and name not in registered_organisation(seen.author_domain):
        sentence = say("Uses the often forged name {shown}, but is from {author}.", shown=shown, author=author)
        yield Signal("name-much-imitated", sentence, 30, (name, author))


def disguised_words(seen: Seen) -> Iterable[Signal]:
    """Words that mix alphabets or hide marks between their letters: everybody reads them, and no program finds them."""
    summary = seen.summary
    headline, text = f"{summary.author_name} {summary.subject}", summary.text[:DISGUISE_LOOKED_AT]
    if headline.isascii() and text.isascii():
        return
    mixed = [word for word in MIXED.findall(headline) if is_mixed(word)] or [word for word in MIXED.findall(text) if is_mixed(word)][1:]
    dressed = DRESSED.search(headline)
    if mixed or dressed:
        words = mixed[0] if mixed else headline[dressed.start() : dressed.start() + 20] if dressed else ""
        yield Signal("disguised-words", say("Uses look-alike letters: “{words}”.", words=words), 35, (words,))


def address_in_name(seen: Seen) -> Iterable[Signal]:
    """The display name shows an address of somebody else."""
    author = seen.author_domain
    for address in loose_addresses(seen.summary.author_name)[:1]:
        domain = address.rpartition("@")[2]
        if author and "." in domain and not is_related_host(domain, author):
            sentence = say(
                "Display name shows the address {address}, but the message is from {author}.", address=address, author=seen.summary.author
            )
            yield Signal("address-in-name", sentence, 40, (address, seen.summary.author))


def lookalike_domain(seen: Seen) -> Iterable[Signal]:
    """The author's domain, or that of the answer, could be taken for one of ours."""
    if found := find_look_alike(seen, sorted(seen.own_domains)):
        domain, own = found
        yield Signal(
            "look-alike-domain",
            say("Domain {domain} looks like your {own}, but is another one.", domain=display_host(domain), own=own),
            50,
            found,
        )


def lookalike_of_known(seen: Seen) -> Iterable[Signal]:
    """Yields a signal when the author's domain looks like a known contact's, and like none of ours."""
    others = [domain for domain in seen.known.domains if domain not in seen.known.siblings]
    found = find_look_alike(seen, others) or find_look_alike(seen, seen.known.siblings, but=seen.author_domain)
    if found and not find_look_alike(seen, sorted(seen.own_domains)):
        domain, known = found
        sentence = say(
            "Domain {domain} looks like that of your contact {known}, but is another one.", domain=display_host(domain), known=known
        )
        yield Signal("look-alike-of-known", sentence, 40, found)


def find_look_alike(seen: Seen, others: Iterable[str], but: str = "") -> tuple[str, str] | None:
    """The first domain of the authors and of the answer, `but` one, that could be taken for one of these, and for which."""
    theirs = dict.fromkeys(one.rpartition("@")[2] for one in (*seen.summary.authors, *seen.summary.reply_to))
    strange = [one for one in islice(theirs, COMPARED) if one != but and not seen.is_ours(one)]
    return next(((one, other) for one in strange for other in others if looks_like(one, other)), None)


def foreign_letters(seen: Seen) -> Iterable[Signal]:
    """The author's domain is written with letters that could deceive."""
    if "xn--" in seen.author_domain:
        yield Signal("foreign-letters", links.host_deceptions(seen.author_domain)[0].sentence, 20, (seen.author_domain,))


def hidden_characters(seen: Seen) -> Iterable[Signal]:
    """Control or invisible characters where a reader looks for the truth."""
    hiding = tuple(text for text in (seen.summary.author_name, seen.summary.subject) if has_escapes(text))
    if hiding:
        yield Signal("hidden-characters", say("Hidden characters in the sender's name or the subject."), 30, hiding)
