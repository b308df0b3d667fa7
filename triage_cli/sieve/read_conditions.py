"""Reads the test of a Sieve command: whom it is about, as far as a rule can say so. NoScript names what no rule can say. Pure."""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from triage_cli.sieve.parse_script import Node, NoScript

MOST_BRANCHES = 500  # ways in which one test can be true
Literal = tuple[Node, bool]  # a test without parts, and whether it has to be true
VERIFIED, VERDICT = "x-mailroom-verified", "x-mailroom-verdict"
WITH_VALUE = (":comparator", ":zone", ":value", ":count", ":index")  # tags that a string or number comes after
MATCHES = (":is", ":contains", ":matches", ":value", ":count")
PARTS = (":all", ":domain", ":localpart", ":detail", ":user")
CASEMAP = "i;ascii-casemap"
VARIABLE = re.compile(r"\$\{([a-z0-9_.]+)\}", re.I)
WILD = re.compile(r"[*?\\]")


@dataclass(frozen=True, slots=True)
class TestBranch:
    """Senders, recipients and proof of one branch of a test."""

    senders: tuple[tuple[str, str], ...] = ()  # (match, value)
    scopes: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()  # addresses of ours
    proof: str = ""  # dmarc, aligned; none: it must not be proven
    domains: frozenset[str] = frozenset()  # that the proof may be good for; *.DOMAIN is below it
    until: str = ""
    is_released: bool = False  # only what Mailroom delivered
    is_never: bool = False  # no message that Mailroom judges by a rule fits


@dataclass(slots=True)
class Given:
    """The arguments of a test by kind."""

    node: Node
    tags: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)  # of tags that have one
    lists: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def match(self) -> str:
        """Match type: :is, :contains, :matches and so on."""
        return next((tag for tag in self.tags if tag in MATCHES), ":is")

    @property
    def part(self) -> str:
        """Part of an address that is compared."""
        return next((tag for tag in self.tags if tag in PARTS), ":all")


@dataclass(frozen=True, slots=True)
class ConditionReader:
    """Reads tests. `constants`: variables that the script sets once; `people`: uid by mailbox."""

    constants: Mapping[str, str] | None  # None: the script has no variables
    people: Mapping[str, str]

    def read_branches(self, test: Node) -> list[TestBranch]:
        """The ways in which a test can be true, each as whom it is about then."""
        found = (self.read_branch(branch) for branch in list_branches(test))
        return [one for one in found if one is not None and not one.is_never]

    def read_branch(self, literals: tuple[Literal, ...]) -> TestBranch:
        """Joins all that the tests of one branch ask."""
        asked = TestBranch()
        for node, is_wanted in literals:
            asked = join_branches(asked, self.read_literal(node, is_wanted), node.line)
        return asked

    def read_literal(self, node: Node, is_wanted: bool) -> TestBranch:
        """Reads one test."""
        reader = READERS.get(node.name)
        if reader is None:
            raise NoScript(node.line, f"no rule can ask what the test {node.name} asks")
        return reader(self, self.read_arguments(node), is_wanted)

    def read_arguments(self, node: Node) -> Given:
        """The arguments of a test. Other comparators than the default would tell apart what rules do not."""
        given, waiting = Given(node), ""
        for one in node.arguments:
            if one.kind == "tag":
                given.tags.append(one.values[0])
                waiting = one.values[0] if one.values[0] in WITH_VALUE else ""
            elif waiting:
                given.values[waiting], waiting = one.values[0], ""
            else:
                is_source = node.name == "string" and not given.lists  # the names of variables
                given.lists.append(one.values if is_source else tuple(self.expand(text, node.line) for text in one.values))
        if given.values.get(":comparator", CASEMAP) != CASEMAP and given.match != ":count":
            raise NoScript(node.line, f"rules ignore the case of letters; leave out :comparator {given.values[':comparator']}")
        return given

    def expand(self, text: str, line: int) -> str:
        """A string with its variables filled in (RFC 5229)."""

        constants = self.constants
        if constants is None:
            return text
        unknown = next((one for one in VARIABLE.findall(text) if one.lower() not in constants), None)
        if unknown is not None:
            raise NoScript(line, f"the variable {unknown} has no fixed value")
        return VARIABLE.sub(lambda found: constants[found[1].lower()], text)

    def read_address(self, given: Given, is_wanted: bool) -> TestBranch:
        """The author, by address or domain; or the guard for messages with several authors, which Mailroom holds by itself."""
        names, keys = two_lists(given)
        if names == ("from",) and (given.match, given.values.get(":count"), keys) == (":count", "gt", ("1",)):
            return TestBranch(is_never=is_wanted)
        refuse_not(given, is_wanted)
        if names != ("from",):
            raise NoScript(given.node.line, f"rules are about the author in From, not about {', '.join(names)}")
        return TestBranch(senders=tuple(read_senders(given, keys)))

    def read_header(self, given: Given, is_wanted: bool) -> TestBranch:
        """Our field with the proof, or the List-Id."""
        names, keys = two_lists(given)
        if names == (VERIFIED,):
            return self.read_proof(given, keys, is_wanted)
        refuse_not(given, is_wanted)
        if names == ("list-id",):
            return TestBranch(senders=tuple(("list", read_list_id(given, key)) for key in keys))
        if names == ("from",):
            raise NoScript(given.node.line, "header sees the display name too, which anybody can choose; use address")
        raise NoScript(given.node.line, f"no rule can ask for the field {', '.join(names)}")

    def read_proof(self, given: Given, keys: tuple[str, ...], is_wanted: bool) -> TestBranch:
        """By what the author has to be proven."""
        if given.match not in (":is", ":matches"):
            raise NoScript(given.node.line, f"X-Mailroom-Verified is compared by :is or :matches, not by {given.match}")
        if keys == ("none",):
            return TestBranch(proof="none" if is_wanted else "aligned", domains=frozenset() if is_wanted else frozenset("*"))
        refuse_not(given, is_wanted)
        pairs = [key.lower().partition(" ")[::2] for key in keys]
        by_kind = {kind: frozenset(domain for one, domain in pairs if one == kind) for kind, _ in pairs}
        if set(by_kind) not in ({"dmarc"}, {"dmarc", "aligned"}) or len(set(by_kind.values())) > 1:
            raise NoScript(given.node.line, 'the proof is none, "dmarc DOMAIN", or both "dmarc DOMAIN" and "aligned DOMAIN"')
        domains = by_kind["dmarc"]
        for one in domains:
            check_pattern(one if one != "*" or given.match == ":is" else "x", given)
        return TestBranch(proof="aligned" if "aligned" in by_kind else "dmarc", domains=domains)

    def read_exists(self, given: Given, is_wanted: bool) -> TestBranch:
        """Whether it came through Mailroom, which every message did that a rule is about; or whether it was delivered."""
        names = tuple(name.lower() for name in given.lists[0]) if len(given.lists) == 1 else ()
        if names == (VERIFIED,):
            return TestBranch(is_never=not is_wanted)
        if names == (VERDICT,) and is_wanted:
            return TestBranch(is_released=True)
        raise NoScript(given.node.line, f"no rule can ask whether there is the field {', '.join(names)}")

    def read_envelope(self, given: Given, is_wanted: bool) -> TestBranch:
        """The recipient: an address of ours, or the name after the plus."""
        names, keys = two_lists(given)
        refuse_not(given, is_wanted)
        if names != ("to",):
            raise NoScript(given.node.line, "rules are about the author in From; the envelope sender proves nobody. Use address")
        if given.match != ":is" or given.part not in (":all", ":detail"):
            raise NoScript(given.node.line, "the recipient is compared whole: envelope :is, or :is with :detail")
        if given.part == ":detail":
            return TestBranch(scopes=tuple(f"person:{key.lower()}" for key in keys))
        return TestBranch(recipients=tuple(key.lower() for key in keys))

    def read_string(self, given: Given, is_wanted: bool) -> TestBranch:
        """The person or department of an exported script."""
        refuse_not(given, is_wanted)
        names, keys = two_lists(given)
        kind = {"${person}": "person", "${department}": "department"}.get(" ".join(names))
        if kind is None or given.match != ":is":
            raise NoScript(given.node.line, 'no rule can ask this of a variable, only: string :is "${person}" or "${department}"')
        return TestBranch(scopes=tuple(f"{kind}:{key.lower()}" for key in keys))

    def read_date(self, given: Given, is_wanted: bool) -> TestBranch:
        """The end of a rule (RFC 5260)."""
        refuse_not(given, is_wanted)
        written = [one[0] for one in given.lists if len(one) == 1]
        if (given.match, given.values.get(":value"), given.values.get(":zone")) != (":value", "lt", "+0000") or len(written) != 2:
            raise NoScript(given.node.line, 'a rule can only end: currentdate :zone "+0000" :value "lt" "iso8601" "2026-12-24T09:00:00"')
        part, text = written
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo or part not in ("iso8601", "date") or (part == "date") != (len(text) == 10):
            raise NoScript(given.node.line, f'"{text}" is no end such as "iso8601" "2026-12-24T09:00:00" or "date" "2026-12-24"')
        return TestBranch(until=f"{moment.isoformat()}+00:00")


READERS: dict[str, Callable[[ConditionReader, Given, bool], TestBranch]] = {
    "address": ConditionReader.read_address,
    "header": ConditionReader.read_header,
    "exists": ConditionReader.read_exists,
    "envelope": ConditionReader.read_envelope,
    "string": ConditionReader.read_string,
    "currentdate": ConditionReader.read_date,
}


def list_branches(test: Node, is_wanted: bool = True) -> list[tuple[Literal, ...]]:
    """The test as alternatives, each of tests that have to be true or false together."""
    if test.name == "not" and len(test.tests) == 1:
        return list_branches(test.tests[0], not is_wanted)
    if test.name in ("true", "false"):
        return [()] if (test.name == "true") == is_wanted else []
    if test.name not in ("anyof", "allof"):
        return [((test, is_wanted),)]
    parts = [list_branches(one, is_wanted) for one in test.tests]
    if (test.name == "anyof") == is_wanted:
        found = [branch for part in parts for branch in part]
    else:
        found = [tuple(itertools.chain(*some)) for some in itertools.islice(itertools.product(*parts), MOST_BRANCHES + 1)]
    if len(found) > MOST_BRANCHES:
        raise NoScript(test.line, f"can be true in more than {MOST_BRANCHES} ways; write several commands")
    return found


def join_branches(one: TestBranch, two: TestBranch, line: int) -> TestBranch:
    """Joins two tests. NoScript where both name senders, recipients, a proof or an end."""
    changes: dict[str, Any] = {"is_released": one.is_released or two.is_released, "is_never": one.is_never or two.is_never}
    for name in ("senders", "scopes", "recipients", "proof", "domains", "until"):
        if getattr(one, name) and getattr(two, name):
            raise NoScript(line, f"two tests for the {name.rstrip('s')} must both be true; no rule asks both")
        changes[name] = getattr(one, name) or getattr(two, name)
    return replace(one, **changes)


def two_lists(given: Given) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The fields that a test is about, folded, and its keys."""
    if len(given.lists) != 2:
        raise NoScript(given.node.line, f"{given.node.name} needs the names of fields, and what they are compared to")
    return tuple(name.lower() for name in given.lists[0]), given.lists[1]


def refuse_not(given: Given, is_wanted: bool) -> None:
    """NoScript for a test that must be false: a rule is about some senders, never about all others."""
    if not is_wanted:
        raise NoScript(given.node.line, f"no rule is about everybody but some: {given.node.name} must not be inside not")


def read_senders(given: Given, keys: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The senders that the keys of an address test name. A domain and all below it are two keys that stand together."""
    if given.match not in (":is", ":matches"):
        raise NoScript(given.node.line, f"{given.match} fits a part of an address, which others can register; use :is")
    if given.part == ":all":
        yield from (read_address(given, key.lower()) for key in keys)
    elif given.part == ":domain":
        yield from read_domains(given, tuple(key.lower() for key in keys))
    else:
        raise NoScript(given.node.line, f"rules are about addresses and domains, not about {given.part}")


def read_address(given: Given, key: str) -> tuple[str, str]:
    """An address, or *@DOMAIN."""
    local, at, domain = key.rpartition("@")
    if given.match == ":matches" and local == "*" and not WILD.search(domain):
        return "domain", domain
    if not at or not local or (given.match == ":matches" and WILD.search(key)):
        raise NoScript(given.node.line, f'"{key}" is no whole address')
    return "address", key


def read_domains(given: Given, keys: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Domains: x alone; "x" and "*.x" with all below it, where the first of the two says how the rule is named."""
    left = list(keys)
    while left:
        key = left.pop(0)
        name = key.removeprefix("*.") if given.match == ":matches" else key
        check_pattern(key, given)
        other = f"*.{key}" if key == name else name
        if given.match == ":matches" and other in left:
            left.remove(other)
            yield "within" if key == name else "subdomains", name
        elif key == name:
            yield "domain", name
        else:
            raise NoScript(given.node.line, f'"{key}" is about the subdomains only, which no rule is; add "{name}"')


def check_pattern(key: str, given: Given) -> None:
    """NoScript unless it is a domain, or by :matches *.DOMAIN."""
    name = key.removeprefix("*.") if given.match == ":matches" else key
    if not name or "@" in name or WILD.search(name):
        raise NoScript(given.node.line, f'"{key}" is no domain')


def read_list_id(given: Given, key: str) -> str:
    """The List-Id in brackets."""
    found = re.fullmatch(r"<([^<>\s]+)>", key)
    if given.match not in (":contains", ":is") or found is None:
        raise NoScript(given.node.line, 'a list is named by its whole List-Id: header :contains "list-id" "<dev.lists.example>"')
    return found[1].lower()
