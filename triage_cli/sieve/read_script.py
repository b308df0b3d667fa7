"""Reads a simple Sieve script as rules, and refuses each line that no rule says exactly. No allow is broader than the script. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from triage_cli.sieve.parse_script import Node, NoScript, parse_script
from triage_cli.sieve.read_conditions import ConditionReader, TestBranch
from triage_cli.sieve.rule_line import RuleIndex, SenderRule, can_meet, goes_before

HELD = "Held"  # folder whose messages count as held
CONTROLS = ("if", "elsif", "else")
NO_TEST = Node("true", 0)


class Action(NamedTuple):
    """The act of a block."""

    effect: str
    to: str = ""
    stops: bool = False


@dataclass(frozen=True, slots=True)
class Branch:
    """A block of an if, elsif or else, and its test."""

    chain: int  # of one if with its elsif and else
    node: Node
    test: Node


@dataclass(frozen=True, slots=True)
class ScriptRule:
    """A rule, the line that it comes from, and what was added to it."""

    line: int
    rule: SenderRule
    chain: int
    action: Action
    adds_proof: bool  # the script asks for no proof, the rule does

    def words(self) -> str:
        """The rule in words, and the proof that it asks for although the script does not."""
        return self.rule.words() + (" (the script asks for no proof)" if self.adds_proof else "")


@dataclass(slots=True)
class ReadScript:
    """Rules of a script, and why there is none for a line of it."""

    rules: list[ScriptRule] = field(default_factory=list)
    faults: list[NoScript] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ScriptReader:
    """Reads the commands of a script. `scope`: of rules for which it names none; `held`: the folder of held messages."""

    scope: str
    held: str
    conditions: ConditionReader

    def read_commands(self, commands: Sequence[Node]) -> ReadScript:
        """The rules of all commands, if they follow one another as Mailroom would follow them."""
        found, chain = ReadScript(), 0
        everything: Node | None = None
        for node in commands:
            if (node.name in ("require", "set") and node.block is None) or is_person_variable(node):
                continue
            chain += node.name not in ("elsif", "else")
            try:
                if everything is not None:
                    raise NoScript(node.line, f"comes after line {everything.line}, which is about every message")
                branch = branch_of(node, chain)
                rules = list(self.read_branch(branch, found.rules))
                everything = node if is_about_all(branch) else None
                found.rules += rules
            except NoScript as fault:
                found.faults.append(fault)
        found.faults += list_conflicts(found.rules)
        found.faults.sort(key=lambda fault: fault.line)
        return found

    def read_branch(self, branch: Branch, before: Sequence[ScriptRule]) -> Iterator[ScriptRule]:
        """The rules of one block; none where every message stays as it is."""
        action = self.read_action(branch.node)
        if is_about_all(branch):
            if action.effect != "allow":
                raise NoScript(branch.node.line, "is about every message; rules are about senders")
            refuse_second_thought(branch, before)
            return
        for asked in self.conditions.read_branches(branch.test):
            for rule in self.rules_of(asked, action, branch.node):
                adds_proof = rule.effect == "allow" and not asked.proof
                yield ScriptRule(branch.node.line, rule, branch.chain, action, adds_proof)

    def read_action(self, node: Node) -> Action:
        """The act of a block: one, and stop or not."""
        commands = [node] if node.block is None else list(node.block)
        stops = bool(commands) and commands[-1].name == "stop"
        acts = commands[:-1] if stops else commands
        if stops and not acts:
            return Action("allow", stops=True)
        if len(acts) != 1:
            raise NoScript(acts[1].line if acts else node.line, "a rule does one thing: write one action, and stop after it")
        return self.read_act(acts[0])._replace(stops=stops)

    def read_act(self, act: Node) -> Action:
        """The act of a command."""
        tags = {value for one in act.arguments if one.kind == "tag" for value in one.values}
        texts = [self.conditions.expand(text, act.line) for one in act.arguments if one.kind == "strings" for text in one.values]
        if act.name in CONTROLS:
            raise NoScript(act.line, "one if inside another is not read; write one test with allof")
        if act.name in ("keep", "discard") and not act.arguments:
            return Action("allow" if act.name == "keep" else "block")
        if act.name == "redirect" and len(texts) == 1 and not tags:
            return Action("redirect", texts[0].lower())
        if act.name == "fileinto" and len(texts) == 1 and tags <= {":create"}:
            return self.read_folder(act, texts[0])
        if act.name in ("fileinto", "redirect", "keep"):
            raise NoScript(act.line, f"no rule does what {act.name} does with {', '.join(sorted(tags)) or 'these arguments'}")
        raise NoScript(act.line, f"no rule does what {act.name} does")

    def read_folder(self, act: Node, folder: str) -> Action:
        """INBOX is where a message goes without fileinto, and one other folder is for held messages."""
        if folder.upper() == "INBOX":
            return Action("allow")
        if folder == self.held:
            return Action("hold")
        reason = f'rules file nothing into "{folder}"; if its messages shall be held, say so by --held-folder {folder}'
        raise NoScript(act.line, reason)

    def rules_of(self, asked: TestBranch, action: Action, node: Node) -> Iterator[SenderRule]:
        """The rules for what one branch asks, one for each sender and scope."""
        check_branch(asked, action, node)
        note = node.comment[:500] or ("from a Sieve script" if action.effect == "hold" else "")
        common = {"to": action.to, "until": asked.until, "note": note, "unproven_only": asked.proof == "none"}
        recipients = asked.recipients if action.effect == "redirect" else ()
        senders = asked.senders or senders_of_proof(asked)
        if not senders:
            senders, recipients = tuple(("recipient", one) for one in recipients), ()
        if not senders:
            raise NoScript(node.line, "names no sender; rules are about senders")
        for named, value in senders:
            match = rule_match(named, action, node)
            check_proof(asked, match, value, node)
            for scope in self.scopes_of(asked, action, node):
                for recipient in recipients or ("",):
                    proof = (asked.proof or "dmarc") if action.effect == "allow" else ""
                    yield SenderRule(action.effect, match, value, scope, proof, recipient=recipient, **common)  # type: ignore[arg-type]

    def scopes_of(self, asked: TestBranch, action: Action, node: Node) -> tuple[str, ...]:
        """For whom the rules are."""
        named = list(asked.scopes)
        if action.effect != "redirect":
            for one in asked.recipients:
                if one not in self.conditions.people:
                    raise NoScript(node.line, f"{one} is the mailbox of nobody here, so no rule can be for it alone")
                named.append(f"person:{self.conditions.people[one]}")
        if named and self.scope != "company":
            raise NoScript(node.line, f"is for {', '.join(named)}, but --scope says {self.scope}; use --scope company")
        return tuple(named) or (self.scope,)


def read_script(text: str, *, scope: str, held: str = HELD, people: Mapping[str, str]) -> ReadScript:
    """The rules of a script. `people`: uid by mailbox. NoScript where the text is no script."""
    commands = parse_script(text)
    conditions = ConditionReader(read_constants(commands), people)
    return ScriptReader(scope, held, conditions).read_commands(commands)


def read_constants(commands: Sequence[Node]) -> dict[str, str] | None:
    """The variables that a script sets once, to a fixed text; None where it has none."""
    wanted = {value for one in commands if one.name == "require" for part in one.arguments for value in part.values}
    if "variables" not in wanted:
        return None
    found: dict[str, str] = {}
    for one in commands:
        if one.name == "set" and one.block is None:
            texts = [value for part in one.arguments if part.kind == "strings" for value in part.values]
            if len(one.arguments) != 2 or len(texts) != 2 or "${" in texts[1] or texts[0].lower() in found:
                raise NoScript(one.line, "a variable is set once, to a fixed text")
            found[texts[0].lower()] = texts[1]
    return found


def is_person_variable(node: Node) -> bool:
    """Whether a command only keeps the name after the plus of the recipient, as exported scripts do."""
    if node.name != "if" or len(node.tests) != 1 or [one.name for one in node.block or ()] != ["set"]:
        return False
    test, kept = node.tests[0], (node.block or (node,))[0]
    said = [one.values for one in test.arguments]
    written = [one.values for one in kept.arguments]
    wanted = [(":matches",), (":detail",), ("to",), ("*",)]
    return test.name == "envelope" and said == wanted and written == [(":lower",), ("person",), ("${1}",)]


def branch_of(node: Node, chain: int) -> Branch:
    """A command as a branch. A command by itself is one about every message."""
    if node.block is None or node.name == "else":
        if node.name in ("if", "elsif") or (node.name == "else" and (node.block is None or node.tests)):
            raise NoScript(node.line, f"{node.name} has no block, or too many tests")
        return Branch(chain, node, NO_TEST)
    if node.name not in CONTROLS or len(node.tests) != 1:
        raise NoScript(node.line, f"{node.name} is no command with a block and one test")
    return Branch(chain, node, node.tests[0])


def is_about_all(branch: Branch) -> bool:
    """Whether nothing is asked."""
    return branch.test.name == "true"


def check_branch(asked: TestBranch, action: Action, node: Node) -> None:
    """NoScript for a proof that the rule would not ask for."""
    if action.effect == "allow" and asked.proof == "none":
        raise NoScript(node.line, "keeps messages that nobody proves; every allow rule asks for proof")
    if action.effect == "block" and asked.proof not in ("", "none"):
        raise NoScript(node.line, "a block is about all messages of a sender, or about those without proof")
    if action.effect in ("hold", "redirect") and asked.proof:
        raise NoScript(node.line, f"a {action.effect} asks for no proof; leave out X-Mailroom-Verified")
    if action.effect == "hold" and not asked.until:
        raise NoScript(node.line, 'every hold ends: add currentdate :zone "+0000" :value "lt" "date" "2026-12-24"')
    if asked.is_released and action.effect != "redirect":
        raise NoScript(node.line, "only a redirect is about delivered messages alone; leave out X-Mailroom-Verdict")


def senders_of_proof(asked: TestBranch) -> tuple[tuple[str, str], ...]:
    """The senders of a test for proof alone: X-Mailroom-Verified names the author's domain."""
    names = sorted({one.removeprefix("*.") for one in asked.domains - {"*"}})
    return tuple(("subdomains" if f"*.{name}" in asked.domains else "domain", name) for name in names)


def rule_match(match: str, action: Action, node: Node) -> str:
    """Match of the rule. A block of a domain covers everything below it, an allow does not."""
    if action.effect == "allow":
        if match == "list":
            raise NoScript(node.line, "a list is allowed by who signs its posts: mailroom allow list:LIST-ID --proof dkim:DOMAIN")
        return "subdomains" if match == "within" else match
    if match == "domain":
        reason = f'a {action.effect} of a domain covers its subdomains: write address :domain :matches "from" ["x.example", "*.x.example"]'
        raise NoScript(node.line, reason)
    return "domain" if match == "within" else match


def check_proof(asked: TestBranch, match: str, value: str, node: Node) -> None:
    """NoScript where the proof is another domain's: the field names the domain of the author, so both together never fit."""
    domain = value.rpartition("@")[2]
    wanted = {domain, f"*.{domain}"} if match == "subdomains" else {domain}
    if asked.domains and "*" not in asked.domains and not (wanted <= asked.domains or is_below(domain, asked.domains)):
        raise NoScript(node.line, f"X-Mailroom-Verified never names another domain than {domain}, the author's")


def is_below(domain: str, domains: frozenset[str]) -> bool:
    """Whether it is below one of these."""
    return any(one.startswith("*.") and domain.endswith(one[1:]) for one in domains)


def refuse_second_thought(branch: Branch, before: Sequence[ScriptRule]) -> None:
    """NoScript where a keep of every message keeps those, too, that an earlier command discarded or sent on without a stop."""
    if any(one.name != "stop" for one in branch.node.block or (branch.node,)):
        for one in before:
            if one.action.effect != "allow" and not one.action.stops and one.chain != branch.chain:
                raise NoScript(branch.node.line, f"keeps messages of line {one.line} too: write stop there")


def list_conflicts(rules: Sequence[ScriptRule]) -> Iterator[NoScript]:
    """Rules that act in another order than the script, each with its line."""
    told: set[int] = set()
    index: RuleIndex[ScriptRule] = RuleIndex()
    for later in rules:
        near = sorted(index.list_near(later.rule), key=lambda one: one.line)
        fault = next((fault for earlier in near if (fault := find_conflict(earlier, later))), None)
        index.add(later.rule, later)
        if fault is not None and later.line not in told:
            told.add(later.line)
            yield fault


def find_conflict(earlier: ScriptRule, later: ScriptRule) -> NoScript | None:
    """Says that two rules would do something else with a message that both are about; None where they would not."""
    if earlier.rule.action == later.rule.action or not can_meet(earlier.rule, later.rule):
        return None
    if not earlier.action.stops and earlier.chain != later.chain:
        return NoScript(later.line, f"acts on messages of line {earlier.line} too: write stop there")
    if not goes_before(earlier.rule, later.rule):
        return NoScript(later.line, f"comes after line {earlier.line}, but Mailroom follows it first; change their order or senders")
    if earlier.adds_proof and later.rule.effect == "block" and not later.rule.unproven_only:
        domain = earlier.rule.value.rpartition("@")[2]
        reason = f'would block unproven messages of line {earlier.line}; add header :is "X-Mailroom-Verified" "dmarc {domain}" there'
        return NoScript(later.line, reason)
    return None
