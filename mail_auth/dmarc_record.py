"""A DMARC record as its domain publishes it (RFC 9989, section 4.7; RFC 7489, section 6.3). Pure."""

from dataclasses import dataclass

POLICIES = ("none", "quarantine", "reject")
LONGEST = 4096  # bytes of a record: each name above the author's is asked for one, for each signature


@dataclass(frozen=True, slots=True)
class Record:
    """A DMARC record and the domain that publishes it."""

    domain: str
    policy: str = "none"
    subdomain_policy: str = ""  # sp=, "" when absent
    nonexistent_policy: str = ""  # np=
    strict_dkim: bool = False  # adkim=s
    strict_spf: bool = False  # aspf=s
    psd: str = "u"  # y: a public suffix, n: an organisation of its own, u: not said
    testing: bool = False  # t=y, or pct=0: the domain does not want its policy applied yet
    silent: bool = False  # neither p= nor an address for reports: it asks for nothing (RFC 9989, section 4.10.1)

    def policy_for(self, domain: str, exists: bool) -> str:
        """Returns the policy that the record asks for failing messages of an author domain."""
        wanted = self.policy
        if domain != self.domain:
            wanted = self.subdomain_policy or self.policy
            wanted = wanted if exists else self.nonexistent_policy or wanted
        return POLICIES[max(0, POLICIES.index(wanted) - 1)] if self.testing else wanted


class Broken(Exception):
    """A domain publishes a DMARC record that cannot be used."""


def parse_dmarc_record(text: bytes, domain: str) -> Record | None:
    """The record; None when it is none of DMARC; Broken when it is one that cannot be used."""
    tags: dict[str, str] = {}
    for number, part in enumerate(text[:LONGEST].decode("utf-8", "replace").split(";")):
        name, equals, value = (piece.strip(" \t") for piece in part.partition("="))
        name = name.lower()
        if number == 0 and (name, value) != ("v", "DMARC1"):
            return None
        if len(text) > LONGEST:
            raise Broken(f"the DMARC record of {domain} is longer than {LONGEST} bytes")
        if name in tags and name in ("p", "sp", "np", "psd"):
            raise Broken(f"the DMARC record of {domain} has {name}= twice")
        if equals:
            tags.setdefault(name, value)
    low = {name: value.lower() for name, value in tags.items()}
    policies = {name: low[name] for name in ("p", "sp", "np") if name in low}
    if not set(policies.values()) <= set(POLICIES):
        if not has_report_address(tags.get("rua", "")):
            raise Broken(f"the DMARC record of {domain} has a policy that is not known")
        policies = {}  # RFC 9989, section 4.10.1 (7489, 6.6.3): as if it said p=none
    return Record(
        domain,
        policies.get("p", "none"),
        policies.get("sp", ""),
        policies.get("np", ""),
        low.get("adkim") == "s",
        low.get("aspf") == "s",
        low["psd"] if low.get("psd") in ("y", "n") else "u",
        low.get("t") == "y" or low.get("pct") == "0",
        "p" not in low and not has_report_address(tags.get("rua", "")),
    )


def has_report_address(rua: str) -> bool:
    """Whether rua= has at least one address that reports can go to."""
    return any(uri.strip().lower().startswith("mailto:") and "@" in uri for uri in rua.split(","))
