"""Authentication-Results of a trusted edge server, believed only at the top of the header.

A stranger can write such a field too, and it would stand below those of the edge. Above the edge's own fields nothing may
stand but one Received, which the edge has put there.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from mail_auth import authentication_results
from mail_auth.dkim import signs_list
from mail_auth.message import Field, Message
from triage.addressing.envelope import Envelope, ascii_domain
from triage.message.authentication import Dkim, Dmarc, Result, Spf, Stated

TOKEN = b"x-mailroom-edge"  # how an edge on shared machines proves that it is ours; where, does not matter
MOST = 5  # fields of the edge: one for each method is usual
SPF_WORDS = (Result.PASS, Result.FAIL, Result.SOFTFAIL, Result.NEUTRAL, Result.NONE, Result.PERMERROR)


@dataclass(frozen=True, slots=True)
class Upstream:
    """The results of an edge, and the name under which it states them, "" when nothing can be believed."""

    name: str = ""
    stated: tuple[Stated, ...] = ()


def read_trusted(mail: Message, envelope: Envelope, trusted: Collection[str]) -> Upstream:
    """Reads the Authentication-Results of the edge. `trusted`: the authserv-ids that edges may use, in any case."""
    if not envelope.edge or mail.fault:
        return Upstream()
    names = {name.lower() for name in trusted}
    fields = list(on_top(mail, names))
    stated = tuple(one for field in fields for one in authentication_results.read_results(field.value))
    return Upstream(authentication_results.authserv_id(fields[0].value), stated) if fields else Upstream()


def on_top(mail: Message, names: set[str]) -> Iterator[Field]:
    """The edge's own fields: the first ones of the header, or right below one Received, without a gap, all under one name.

    An edge takes out what a stranger wrote in its own name, not in that of another edge.
    """
    fields = [field for field in mail.fields[: MOST + 2] if field.name != TOKEN]
    below = fields[1:] if fields and fields[0].name == b"received" else fields
    for field in below[:MOST]:
        name = authentication_results.authserv_id(field.value) if field.name == b"authentication-results" else ""
        if name not in names:
            return
        names = {name}
        yield field


def trusted_spf(ours: Spf, told: Upstream, envelope: Envelope) -> Spf:
    """Our result where we have one, else the edge's, if it is about this reverse-path (for a null one, this HELO)."""
    asked = bool(envelope.client) and ours.result is not Result.TEMPERROR
    identity, text = (
        ("mailfrom", envelope.reverse_path.strip("<>").rpartition("@")[2]) if envelope.reverse_path else ("helo", envelope.helo)
    )
    try:
        domain = ascii_domain(text)
    except ValueError:
        return ours
    words = {one.result for one in told.stated if one.method == "spf" and one.domain == domain}
    found = next((word for word in SPF_WORDS if words == {word}), None)
    return ours if asked or found is None else Spf(found, identity, domain, f"found by {told.name}", told.name)


def trusted_dkim(ours: tuple[Dkim, ...], told: Upstream, mail: Message) -> tuple[Dkim, ...]:
    """Our results, with a pass for each signing domain of which the edge states one and that we cannot confirm any more."""
    passed = {one.domain for one in told.stated if one.method == "dkim" and one.result == Result.PASS and one.domain}
    fields = mail.named(b"dkim-signature")
    return tuple(
        replace(one, result=Result.PASS, reason=f"found by {told.name}", signs_list=signs_list(mail, fields[place]))
        if one.result is not Result.PASS and one.domain in passed and place < len(fields)
        else one
        for place, one in enumerate(ours)
    )


def trusted_dmarc(ours: Dmarc, told: Upstream, author_domain: str) -> Dmarc:
    """Our pass stays; else a pass or fail of the edge counts, if it states exactly one and about this author's domain.

    The edge saw the message before anything in between changed it, so what fails here may have passed there.
    """
    stated = [one for one in told.stated if one.method == "dmarc"]
    if len(stated) != 1 or not author_domain or stated[0].domain != author_domain or ours.result is Result.PASS:
        return ours
    passes, fails = (stated[0].result == word for word in (Result.PASS, Result.FAIL))
    if passes or (fails and ours.result in (Result.NONE, Result.TEMPERROR)):
        return replace(ours, result=Result.PASS if passes else Result.FAIL, reason=f"found by {told.name}", origin=told.name)
    return ours
