"""Writes the rules in force of a department as a Sieve script; what Sieve cannot say is named with the reason. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from triage.policy.rules.rule_subject import match_of
from triage.text.sanitize import escape_visible
from triage_cli.sieve.read_script import HELD
from triage_cli.sieve.rule_line import RuleIndex, SenderRule, can_meet, covers_subdomains, sort_key

EXTENSIONS = ("fileinto", "mailbox", "envelope", "subaddress", "variables", "date", "relational", "comparator-i;ascii-numeric")
MADE_BY_STAFF = ("staff", "import")
HEADER = """# Rules of Mailroom for {department}, as of {now}. `mailroom sieve import` reads this script.
# It goes by the fields X-Mailroom-Verified and X-Mailroom-Verdict, which Mailroom writes and nobody can forge.
# An allow only keeps a message where it is. A discarded message is gone: Mailroom's own blocks can be undone.

require [{extensions}];

set "department" {department_text};
{dollar}if envelope :matches :detail "to" "*" {{ set :lower "person" "${{1}}"; }}

if not exists "X-Mailroom-Verified" {{ stop; }}
if address :count "gt" :comparator "i;ascii-numeric" "from" "1" {{ stop; }}
"""
ACTIONS = {"allow": "keep;", "block": "discard;"}
RISKS = {
    "risky": "it allows risky attachments",
    "unchecked": "it skips the checks of known senders",
    "encrypted": "it allows encrypted files",
    "unsigned_only": "it also says what the SMTP server refuses",
    "lapse_days": "its end moves with every message",
    "conditions": "Sieve does not see what Mailroom finds in a message",
    "recipient": "Sieve does not see which address of yours was written to",
}


class Unsaid(Exception):
    """Reason why Sieve cannot say a rule."""


def write_script(lines: Iterable[dict[str, Any]], *, department: str, people: Iterable[str], now: datetime) -> str:
    """The script. `lines`: rules as `rules export` has them, of which those count that reach the department or one of its `people`."""
    scopes = {"company", f"department:{department}", *(f"person:{uid}" for uid in people)}
    rules: list[SenderRule] = []
    unsaid: list[tuple[str, str]] = []
    for line in (one for one in lines if one.get("scope") in scopes):
        try:
            rules.append(read_line(line))
        except Unsaid as why:
            unsaid.append((describe_line(line), str(why)))
    ordered, left = order_rules(rules)
    unsaid += [(rule.words(), why) for rule, why in left]
    body = "\n".join(map(write_rule, ordered))
    head = HEADER.format(
        department=comment_text(department),
        department_text=quote_string(department, has_variables=False),
        extensions=", ".join(map(quote_string, EXTENSIONS)),
        now=now.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ"),
        dollar='set "dollar" "$";\n' if "${dollar}" in body else "",
    )
    tail = "".join(f"# {comment_text(words)}: {comment_text(why)}\n" for words, why in unsaid)
    return f"{head}\n{body}" + (f"\n# Not said by this script:\n{tail}" if unsaid else "")


def read_line(line: dict[str, Any]) -> SenderRule:
    """A line of `rules export` as a rule. Unsaid where Sieve has no words for it."""
    match, value = match_of(line["sender"])
    if line["sender"].startswith("."):
        match, value = "subdomains", value[1:]
    for name, why in RISKS.items():
        if line.get(name):
            raise Unsaid(why)
    effect, proof = line["effect"], line.get("proof", "")
    if line.get("origin", "staff") not in MADE_BY_STAFF:
        raise Unsaid("nobody made it by hand: Mailroom learned it, or a removal left it")
    if match not in ("address", "domain", "subdomains", "list"):
        raise Unsaid(RISKS["recipient"] if match == "recipient" else "it is about a campaign or about content")
    if effect == "allow" and proof not in ("dmarc", "aligned"):
        raise Unsaid("no field names its proof")
    if effect == "block" and proof:
        raise Unsaid("it is about messages without a clear author")
    if effect == "redirect" and "@" not in line.get("to", ""):
        raise Unsaid("its target is a person or department, whose address can change")
    end = datetime.fromisoformat(line["until"]).astimezone(UTC).isoformat() if line.get("until") else ""
    note = comment_text(line.get("note", ""))
    return SenderRule(effect, match, value, line["scope"], proof, bool(line.get("unproven_only")), end, line.get("to", ""), note=note)


def describe_line(line: dict[str, Any]) -> str:
    """A line of `rules export` in words."""
    return " ".join((line["effect"], line["sender"], *(("to", line["to"]) if line.get("to") else ()), "for", line["scope"]))


def order_rules(rules: Sequence[SenderRule]) -> tuple[list[SenderRule], list[tuple[SenderRule, str]]]:
    """The rules in the order in which Sieve does what Mailroom does, and those for which there is none, with the reason.

    Blocks and allows stand by precision. Before each of them are the holds and redirects that go before it. Those have their place after
    every block, and before every allow and less precise redirect that they meet; a hold also before every redirect.
    """
    firm = sorted((one for one in rules if one.effect in ("block", "allow")), key=sort_key)
    redirects = sorted((one for one in rules if one.effect == "redirect"), key=sort_key, reverse=True)
    placed: RuleIndex[tuple[int, SenderRule]] = RuleIndex()
    for place, one in enumerate(firm):
        placed.add(one, (place, one))
    before: dict[int, list[SenderRule]] = {}
    left: list[tuple[SenderRule, str]] = []
    for rule in (*redirects, *(one for one in rules if one.effect == "hold")):
        met = [(place, one) for place, one in placed.list_near(rule) if one.action != rule.action and can_meet(one, rule)]
        wanted = min((place for place, one in met if one.effect in ("allow", "redirect")), default=len(firm))
        if any(place >= wanted for place, one in met if one.effect == "block"):
            left.append((rule, "it comes after a block and before an allow that is more precise than the block"))
        elif any(one.effect == rule.effect and sort_key(one) == sort_key(rule) for _, one in met):
            left.append((rule, "another redirect of this sender is as precise"))
        else:
            placed.add(rule, (wanted, rule))
            before.setdefault(wanted, []).insert(0, rule)
    return [one for place in range(len(firm) + 1) for one in (*before.get(place, ()), *firm[place : place + 1])], left


def write_rule(rule: SenderRule) -> str:
    """A rule as a command, with its note as a comment."""
    tests = list(write_tests(rule))
    test = tests[0] if len(tests) == 1 else f"allof({', '.join(tests)})"
    note = f"# {rule.note}\n" if rule.note else ""
    return f"{note}if {test} {{ {write_action(rule)} stop; }}\n"


def write_action(rule: SenderRule) -> str:
    """The act of a rule."""
    if rule.effect == "redirect":
        return f"redirect {quote_string(rule.to)};"
    return f"fileinto :create {quote_string(HELD)};" if rule.effect == "hold" else ACTIONS[rule.effect]


def write_tests(rule: SenderRule) -> Iterator[str]:
    """The tests that must all be true."""
    kind, _, name = rule.scope.partition(":")
    if kind != "company":
        yield f'string :is "${{{kind}}}" {quote_string(name)}'
    domain = rule.value.rpartition("@")[2]
    if rule.match == "list":
        yield f'header :contains "list-id" {quote_string(f"<{rule.value}>")}'
    elif rule.match == "address":
        yield f'address :is "from" {quote_string(rule.value)}'
    elif covers_subdomains(rule):
        pair = [domain, f"*.{domain}"] if rule.match == "domain" else [f"*.{domain}", domain]
        yield f'address :domain :matches "from" [{", ".join(map(quote_string, pair))}]'
    else:
        yield f'address :domain :is "from" {quote_string(domain)}'
    if rule.effect == "allow":
        yield write_proof(rule, domain)
    if rule.unproven_only:
        yield 'header :is "X-Mailroom-Verified" "none"'
    if rule.effect == "redirect":
        yield 'exists "X-Mailroom-Verdict"'
    if rule.until:
        yield f'currentdate :zone "+0000" :value "lt" "iso8601" {quote_string(rule.until.removesuffix("+00:00"))}'


def write_proof(rule: SenderRule, domain: str) -> str:
    """The test for the proof that an allow asks for."""
    kinds = ("dmarc", "aligned") if rule.proof == "aligned" else ("dmarc",)
    domains = (domain, f"*.{domain}") if rule.match == "subdomains" else (domain,)
    keys = [quote_string(f"{kind} {one}") for kind in kinds for one in domains]
    compared = ":matches" if rule.match == "subdomains" else ":is"
    return f'header {compared} "X-Mailroom-Verified" {keys[0] if len(keys) == 1 else "[" + ", ".join(keys) + "]"}'


def quote_string(text: str, *, has_variables: bool = True) -> str:
    r"""A string of Sieve (RFC 5228, 2.4.2): " and \ are escaped, and so is the start of a variable (RFC 5229, 3)."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted.replace("${", "${dollar}{") if has_variables else quoted}"'


def comment_text(text: str) -> str:
    """A text on one line."""
    return escape_visible(" ".join(text.split()))
