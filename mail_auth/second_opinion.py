"""Second opinion of stock pyspf, dkimpy and authheaders beside our own: `mailroom authenticate` prints both.

Their own bounds hold, not ours: a message made for that keeps them busy for many seconds. No message that comes in is given to them.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import metadata, util
from typing import Any

import dkim as dkimpy  # type: ignore[import-untyped]
import spf as pyspf  # type: ignore[import-untyped]

from mail_auth import authentication_results
from mail_auth.dns.query_budget import Questions, Resolver, Temporary, TooManyQuestions
from mail_auth.message import read_message
from mail_auth.spf import asking
from triage.addressing.envelope import Envelope
from triage.message.authentication import Authentication, Result

SPF, DKIM, ARC, DMARC = "spf", "dkim", "arc", "dmarc"
AUTHHEADERS = "authheaders"
MISSING = "authheaders is not installed, so nobody else is asked about DMARC: pip install 'mailroom[second-opinion]'"
RAISED = "raised"  # in place of a result


@dataclass(frozen=True, slots=True)
class Opinion:
    """Result of another library."""

    library: str
    method: str
    result: str  # the word of RFC 8601, or "raised"
    reason: str = ""
    place: int = 0  # of a signature, counted from the top
    domain: str = ""  # of the author, as the library reads it (DMARC)


@dataclass(frozen=True, slots=True)
class Row:
    """Authentication step of ours beside the library's result for the same step."""

    method: str
    about: str  # the domain or the identity that was looked at
    result: str
    reason: str
    opinion: Opinion | None = None
    difference: str = ""  # in words; "" when both say the same, or nobody else was asked


def compare_opinions(ours: Authentication, opinions: list[Opinion], raw: bytes) -> list[Row]:
    """Our steps in their order, each with the other results about the same thing; the first one's row has our own reason."""
    rows: list[Row] = []
    for method, place, about, result, reason in list_steps(ours):
        said = [one for one in opinions if (one.method, one.place) == (method, place)]
        shown = Row(method, about, result, reason)
        rows += [Row(method, about, result, reason, one, explain_difference(shown, one, ours, raw)) for one in said] or [shown]
    return rows


def list_steps(ours: Authentication) -> Iterator[tuple[str, int, str, str, str]]:
    """Method, place, what it is about, result and reason of each step of ours."""
    for place, sender in enumerate(ours.spf):
        yield SPF, place, f"{sender.identity} {sender.domain}".strip(), sender.result, sender.reason
    for place, one in enumerate(ours.dkim):
        gaps = f"what may have changed since: {', '.join(one.gaps)}" if one.gaps else ""
        yield DKIM, place, f"{one.domain} {one.selector}".strip(), one.result, one.reason or gaps
    yield ARC, 0, ours.arc.sealer, ours.arc.result, ours.arc.reason
    policy = f"policy {ours.dmarc.policy}" if ours.dmarc.policy else ""
    aligned = f"aligned: {', '.join(ours.dmarc.aligned)}" if ours.dmarc.aligned else "nothing that was proven is aligned"
    yield DMARC, 0, ours.dmarc.domain, ours.dmarc.result, ours.dmarc.reason or f"{policy or 'no policy'}, {aligned}"


def explain_difference(ours: Row, theirs: Opinion, found: Authentication, raw: bytes) -> str:
    """Explains why a library's result differs from ours, as far as that is known; "" when it is the same."""
    if theirs.result == ours.result:
        return ""
    own = f"we say {ours.result}" + (f", because {ours.reason}" if ours.reason else "")
    if theirs.library != AUTHHEADERS or theirs.method != DMARC:
        return f"{theirs.library} says {theirs.result}; {own}"
    authors = len(read_message(raw).named(b"from"))
    if theirs.result == RAISED:
        known = "it ends with an error where a message has not exactly one author, or no sender"
    elif cut := [one for one in (found.dmarc.domain, *(spf.domain for spf in found.spf[:1])) if "-" in one]:
        known = f"it reads a domain up to its first hyphen only: {cut[0]}"
    elif authors > 1:
        known = f"it takes the first of {authors} From fields"
    elif any(one.result is Result.PASS for one in found.dkim[1:]):
        known = "it looks at the first signature only"
    else:
        known = "no reason is known"
    return f"{theirs.library} says {theirs.result} ({known}); {own}"


def ask_libraries(envelope: Envelope, raw: bytes, resolver: Resolver) -> list[Opinion]:
    """Asks all installed libraries. They use our resolver for DNS, each with questions of its own."""
    opinions = [ask_pyspf(envelope, resolver), *ask_dkimpy(raw, resolver)]
    if is_installed():
        opinions += ask_authheaders(envelope, raw, resolver)
    return opinions


def is_installed() -> bool:
    """Whether authheaders is installed."""
    return util.find_spec(AUTHHEADERS) is not None


def ask_pyspf(envelope: Envelope, resolver: Resolver) -> Opinion:
    """SPF of the sender, or of HELO where there is none, by pyspf without our bounds."""
    library = f"pyspf {metadata.version('pyspf')}"
    if not envelope.client:
        return Opinion(library, SPF, Result.NONE, "no client is named")
    with answering(resolver):
        result, reason = pyspf.check2(envelope.client, envelope.reverse_path, envelope.helo)
    return Opinion(library, SPF, result, reason)


def ask_dkimpy(raw: bytes, resolver: Resolver) -> Iterator[Opinion]:
    """Verifies the DKIM signatures and the ARC chain with dkimpy."""
    library, keys = f"dkimpy {metadata.version('dkimpy')}", key_function(resolver)
    for place in range(len(read_message(raw).named(b"dkim-signature"))):
        yield call_library(library, DKIM, partial(verify_with_dkimpy, raw, place, keys), place)
    yield call_library(library, ARC, partial(chain_of_dkimpy, raw, keys), 0)


def verify_with_dkimpy(raw: bytes, place: int, keys: Callable[..., Any]) -> str:
    """The result of one signature."""
    return Result.PASS if dkimpy.DKIM(raw).verify(place, dnsfunc=keys) else Result.FAIL


def chain_of_dkimpy(raw: bytes, keys: Callable[..., Any]) -> str:
    """The result of the ARC chain."""
    return (dkimpy.arc_verify(raw, dnsfunc=keys)[0] or b"none").decode()


def call_library(library: str, method: str, call: Callable[[], str], place: int) -> Opinion:
    """Calls a library and returns its result, or the error that it ended with."""
    try:
        return Opinion(library, method, call(), place=place)
    except dkimpy.DKIMException as fault:
        return Opinion(library, method, Result.FAIL, str(fault), place)
    except (Temporary, TooManyQuestions) as fault:
        return Opinion(library, method, Result.TEMPERROR, str(fault), place)
    except Exception as fault:  # of a library, about a message that it does not expect
        return Opinion(library, method, RAISED, type(fault).__name__, place)


def ask_authheaders(envelope: Envelope, raw: bytes, resolver: Resolver) -> list[Opinion]:
    """SPF, the first signature and DMARC, as authheaders writes them into Authentication-Results."""
    from authheaders import authenticate_message  # type: ignore[import-untyped]

    try:
        with answering(resolver):
            field = authenticate_message(
                raw,
                "second-opinion",
                spf=bool(envelope.client),
                ip=envelope.client,
                mail_from=envelope.reverse_path,
                helo=envelope.helo,
                dnsfunc=key_function(resolver),
            )
    except Exception as fault:  # it has many ways to end
        return [Opinion(AUTHHEADERS, DMARC, RAISED, type(fault).__name__)]
    stated = authentication_results.read_results(field.partition(":")[2].encode())
    return [Opinion(AUTHHEADERS, one.method, one.result, domain=one.domain) for one in stated if one.method in (SPF, DKIM, DMARC)]


@contextlib.contextmanager
def answering(resolver: Resolver) -> Iterator[None]:
    """pyspf's questions are answered by this resolver."""
    token = asking.set(Questions(resolver))
    try:
        yield
    finally:
        asking.reset(token)


def key_function(resolver: Resolver) -> Callable[..., Any]:
    """The look-up of TXT records that dkimpy asks with bytes and authheaders with text; each wants one record of that kind."""
    questions = Questions(resolver)

    def find_text(name: bytes | str, timeout: float = 5) -> bytes | str | None:
        texts = questions.texts(name if isinstance(name, str) else name.decode("ascii", "replace"))
        found = next(iter(texts), None)
        return found.decode("utf-8", "replace") if found and isinstance(name, str) else found

    return find_text
