"""Signals of addresses for replies and bounces, and of who sends in whose name."""

from collections.abc import Iterable

from triage.message.mailing_lists import rewritten_author
from triage.message.mime.links import is_related_host
from triage.message.signals.signal_context import Seen, Signal
from triage.say import say


def reply_elsewhere(seen: Seen) -> Iterable[Signal]:
    """Answers go to somebody else than the author. Mailing lists do that lawfully."""
    author, list_id, post = seen.author_domain, seen.summary.list_id, rewritten_author(seen.summary)
    for address in seen.summary.reply_to:
        domain = address.rpartition("@")[2]
        if post and address == post.address:
            continue  # said by through_a_list
        if author and not is_related_host(domain, author) and not (list_id and is_related_host(domain, list_id)):
            yield Signal("reply-elsewhere", say("Replies go to {address}, not to the sender.", address=address), 20, (address,))
            return


def return_path_elsewhere(seen: Seen) -> Iterable[Signal]:
    """Yields a signal when the envelope sender is another organisation's than the unproven author. Newsletters do that with proof."""
    domain = seen.reverse_path.rpartition("@")[2].casefold()
    if not domain or not seen.author_domain or seen.authentication.proof or seen.summary.list_id:
        return
    if not is_related_host(domain, seen.author_domain):
        sentence = say("Sent in the name of {domain}, not of {author} (bounces go to {domain}).", domain=domain, author=seen.author_domain)
        yield Signal("return-path-elsewhere", sentence, 10, (domain, seen.author_domain))


def through_a_list(seen: Seen) -> Iterable[Signal]:
    """A list has put its own address in place of the author's."""
    if post := rewritten_author(seen.summary):
        address = f" ({post.address})" if post.address not in ("", post.author) else ""
        who = f"{post.author}{address}" if post.author else say("Somebody{address}", address=address)
        sentence = say("Written by {who}, says the mailing list {list_id}, which sends it in its own name.", who=who, list_id=post.list_id)
        yield Signal("through-a-list", sentence, 5, (post.list_id,))
