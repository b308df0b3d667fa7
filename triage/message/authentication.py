"""Authentication results of a message (SPF, DKIM, ARC, DMARC) as values, and the proof that they make."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from triage.say import list_with_and, say
from triage.text.json_values import as_dict

REPLY_TO, CONTENT_TYPE, SEVERAL_TYPES, AGE = GAPS = ("reply-to", "content-type", "content-types", "age")  # what a signature may leave open


class Result(StrEnum):
    """The result words of RFC 8601, section 2.7."""

    PASS = "pass"
    FAIL = "fail"
    SOFTFAIL = "softfail"
    NEUTRAL = "neutral"
    NONE = "none"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


@dataclass(frozen=True, slots=True)
class Spf:
    """SPF result for an identity (RFC 7208): `identity` is "mailfrom" or "helo"."""

    result: Result
    identity: str
    domain: str  # "" when nobody could be asked
    reason: str = ""
    origin: str = ""  # authserv-id of the trusted edge that found it; "" for ourselves


@dataclass(frozen=True, slots=True)
class Dkim:
    """DKIM result for a signature (RFC 6376). A valid but weak signature is not PASS; `reason` says why."""

    result: Result
    domain: str  # d=
    selector: str = ""
    algorithm: str = ""
    identity: str = ""  # i=
    reason: str = ""
    signs_list: bool = False  # it covers every List-Id field: what list this is, too, is as the signer says
    gaps: tuple[str, ...] = ()  # of GAPS: what may have changed since a signature that passes was made


@dataclass(frozen=True, slots=True)
class Stated:
    """A result that somebody else states in an Authentication-Results field (RFC 8601): as true as whoever wrote it."""

    method: str  # spf, dkim, dmarc, arc, …
    result: str  # the word, in lower case
    domain: str = ""  # what it is about: of header.from, header.d or header.i, smtp.mailfrom; "" when not said


@dataclass(frozen=True, slots=True)
class Arc:
    """The ARC chain (RFC 8617): its cv result, who sealed it, and what the last sealer found when the message came to it."""

    result: Result = Result.NONE
    sealer: str = ""  # the last one
    instances: int = 0
    reason: str = ""
    sealers: tuple[str, ...] = ()  # d= of every seal, the first sealer first; names only, unless the result is PASS
    stated: tuple[Stated, ...] = ()  # of the newest ARC-Authentication-Results; () unless the result is PASS and not weak
    signs_list: bool = False  # the newest seal covers every List-Id field, as a DKIM signature may


@dataclass(frozen=True, slots=True)
class Dmarc:
    """The DMARC result for the author domain (RFC 7489, RFC 9989)."""

    result: Result
    domain: str = ""  # of the author, "" when there is not exactly one author
    organisational_domain: str = ""
    policy: str = ""  # none, quarantine, reject; "" without a record
    aligned: tuple[str, ...] = ()  # which of "spf", "dkim" passed and align, also without a record
    reason: str = ""
    origin: str = ""  # authserv-id of the trusted edge that found it; "" for ourselves


@dataclass(frozen=True, slots=True)
class Authentication:
    """Results of SPF, DKIM, ARC and DMARC for a message."""

    author: str  # the one author address, folded; "" when there is not exactly one
    spf: tuple[Spf, ...] = ()  # of the reverse-path (of HELO when that is null), which DMARC counts; then of HELO, which it does not
    dkim: tuple[Dkim, ...] = ()
    arc: Arc = Arc()
    dmarc: Dmarc = Dmarc(Result.NONE)
    questions: int = field(default=0, compare=False)  # that DNS was asked

    @property
    def unknown(self) -> bool:
        """DNS did not answer and so the author's proof is not known: ask again later, never guess."""
        return self.dmarc.result is Result.TEMPERROR

    @property
    def proof(self) -> str:
        """The strongest proof of the author: "dmarc", "aligned" (only where no DMARC record exists) or ""."""
        if not self.author:
            return ""
        if self.dmarc.result is Result.PASS:
            return "dmarc"
        return "aligned" if self.dmarc.result is Result.NONE and self.dmarc.aligned else ""

    @property
    def publishes_nothing(self) -> bool:
        """The author's domain has neither an SPF nor a DMARC record: not even its real mail could prove itself by them."""
        return self.dmarc.result is Result.NONE and all(spf.result is Result.NONE and spf.domain for spf in self.spf[:1])

    def signed_by(self, domain: str, *, as_list: bool = False) -> bool:
        """A DKIM signature of exactly this domain passes (the pinned proof of forwarders and lists).

        `as_list`: and says which list it is. Many lists share a signer, and who posts to one could name another.
        """
        return any(one.result is Result.PASS and one.domain == domain and (one.signs_list or not as_list) for one in self.dkim)

    def sealed_by(self, domain: str) -> bool:
        """Whether the ARC chain is unbroken, `domain` sealed it last, and the author had passed DMARC there (RFC 8617)."""
        stated = [one for one in self.arc.stated if one.method == "dmarc"]
        passed = len(stated) == 1 and stated[0].result == "pass" and stated[0].domain == self.author.rpartition("@")[2] != ""
        return self.arc.result is Result.PASS and self.arc.sealer == domain and passed

    def satisfies(self, proof: str, *, as_list: bool = False) -> bool:
        """Whether `proof` ("dmarc", "aligned", "dkim:DOMAIN" or "arc:DOMAIN") is met. "aligned" is met by DMARC too. `as_list`: for a list.

        Whether a sealer is trusted is not known here.
        """
        kind, _, domain = proof.partition(":")
        if kind == "dkim":
            return self.signed_by(domain, as_list=as_list)
        if kind == "arc":
            return self.sealed_by(domain) and (self.arc.signs_list or not as_list)
        return self.proof == "dmarc" or (proof == "aligned" and self.proof == "aligned")

    def awaits(self, proof: str) -> bool:
        """Says whether `proof` could still be met once DNS answers."""
        kind, _, domain = proof.partition(":")
        if kind == "dkim":
            return any(one.result is Result.TEMPERROR and one.domain == domain for one in self.dkim)
        if kind == "arc":
            return self.arc.result is Result.TEMPERROR and self.arc.sealer == domain
        return self.unknown

    def as_json(self) -> dict[str, Any]:
        """Plain values for the database and the API; `from_json` reads them back."""
        return as_dict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The value that `as_json` wrote."""
        return cls(
            author=values["author"],
            spf=tuple(Spf(**one | {"result": Result(one["result"])}) for one in values["spf"]),
            dkim=tuple(Dkim(**one | {"result": Result(one["result"]), "gaps": tuple(one.get("gaps", ()))}) for one in values["dkim"]),
            arc=arc_of(values["arc"]),
            dmarc=Dmarc(**values["dmarc"] | {"result": Result(values["dmarc"]["result"]), "aligned": tuple(values["dmarc"]["aligned"])}),
            questions=values.get("questions", 0),  # older rows do not say
        )


def arc_of(values: dict[str, Any]) -> Arc:
    """The chain from plain values; older rows name only the last sealer."""
    stated = tuple(Stated(**one) for one in values.get("stated", ()))
    return Arc(**values | {"result": Result(values["result"]), "sealers": tuple(values.get("sealers", ())), "stated": stated})


def proof_sentence(found: Authentication) -> str:
    """Says in a sentence what the authentication results prove."""
    dmarc = found.dmarc
    if not found.author:
        return say("It does not name exactly one author, so nothing can prove who sent it.")
    domain = dmarc.domain or found.author.rpartition("@")[2]
    ways = list_with_and(way.upper() for way in dmarc.aligned) if dmarc.aligned else ""
    if found.proof == "dmarc" and dmarc.origin:
        return say("Really from {domain}: DMARC passes, as the edge server {edge} found.", domain=domain, edge=dmarc.origin)
    if found.proof == "dmarc":
        if ways:
            return say("Really from {domain}: DMARC passes ({ways}).", domain=domain, ways=ways)
        return say("Really from {domain}: DMARC passes.", domain=domain)
    if found.proof == "aligned":
        return say("Really from {domain} ({ways}); the domain has no DMARC record.", domain=domain, ways=ways)
    if found.sealed_by(found.arc.sealer):
        return say(
            "Not proven to be from {domain}, but the forwarder {sealer} vouches for it (ARC).", domain=domain, sealer=found.arc.sealer
        )
    if found.unknown:
        return say("Unknown whether it is from {domain}: DNS did not answer.", domain=domain)
    if dmarc.result is Result.FAIL and dmarc.origin:
        return say("Not from {domain}: DMARC fails, as the edge server {edge} found.", domain=domain, edge=dmarc.origin)
    if dmarc.result is Result.FAIL:
        if dmarc.policy:
            return say("Not from {domain}: DMARC fails; the policy of the domain is {policy}.", domain=domain, policy=dmarc.policy)
        return say("Not from {domain}: DMARC fails.", domain=domain)
    if found.publishes_nothing:
        return say("{domain} publishes neither SPF, DKIM nor DMARC, so nothing can prove its messages.", domain=domain)
    return say("Not proven to be from {domain}.", domain=domain)
