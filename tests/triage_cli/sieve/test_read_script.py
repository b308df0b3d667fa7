"""Simple scripts as rules, and every line that no rule says exactly refused with its number."""

import pytest

from triage_cli.sieve.parse_script import NoScript
from triage_cli.sieve.read_script import ReadScript, read_script

PEOPLE = {"joe@company.example": "joe.fern"}
PROVEN = 'header :is "X-Mailroom-Verified" "dmarc x.example"'


def read(text: str, scope: str = "company") -> ReadScript:
    """Reads a script."""
    return read_script(text, scope=scope, people=PEOPLE)


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        # From proves nobody: the rule says what it will ask for
        ('if address "from" "A@x.example" { keep; stop; }', ["allow a@x.example for company proof dmarc (the script asks for no proof)"]),
        ('if address "from" "a@x.example" { stop; }', ["allow a@x.example for company proof dmarc (the script asks for no proof)"]),
        (
            'if address "from" "a@x.example" { fileinto "Inbox"; }',
            ["allow a@x.example for company proof dmarc (the script asks for no proof)"],
        ),
        (f'if allof(address :is "from" "a@x.example", {PROVEN}) {{ keep; }}', ["allow a@x.example for company proof dmarc"]),
        (f"if {PROVEN} {{ keep; }}", ["allow x.example for company proof dmarc"]),
        (
            'if header :matches "X-Mailroom-Verified" ["dmarc x.example", "dmarc *.x.example"] {keep;}',
            ["allow .x.example for company proof dmarc"],
        ),
        (
            'if allof(address :domain "from" "x.example", not header "X-Mailroom-Verified" "none") {keep;}',
            ["allow x.example for company proof aligned"],
        ),
        (
            'if address :all :matches "from" "*@x.example" { keep; }',
            ["allow x.example for company proof dmarc (the script asks for no proof)"],
        ),
        (
            'if address :domain :matches "from" ["*.x.example", "x.example"] { keep; }',
            ["allow .x.example for company proof dmarc (the script asks for no proof)"],
        ),
        # blocks
        ('if address :domain :matches "from" ["x.example", "*.x.example"] { discard; }', ["block x.example for company"]),
        (
            'if address "from" ["a@x.example", "b@x.example"] { discard; }',
            ["block a@x.example for company", "block b@x.example for company"],
        ),
        ('if header :contains "List-Id" "<L.x.example>" { discard; }', ["block list:l.x.example for company"]),
        (
            'if allof(address "from" "a@x.example", header "X-Mailroom-Verified" "none") { discard; }',
            ["block a@x.example for company, unproven messages only"],
        ),
        # redirects
        (
            'if address "from" "a@x.example" { redirect "Joe@company.example"; }',
            ["redirect a@x.example for company to joe@company.example"],
        ),
        (
            'if envelope "to" "info@company.example" { redirect "joe@company.example"; }',
            ["redirect recipient:info@company.example for company to joe@company.example"],
        ),
        (
            'if allof(envelope "to" "info@company.example", address "from" "a@x.example") { redirect "joe@company.example"; stop; }',
            ["redirect a@x.example for company to joe@company.example, to info@company.example only"],
        ),
        # holds end
        (
            '# hacked\nif allof(address "from" "a@x.example", currentdate :zone "+0000" :value "lt" "date" "2036-01-02")'
            ' { fileinto "Held"; }',
            ["hold a@x.example for company until 2036-01-02T00:00:00+00:00"],
        ),
        # for whom
        (
            'if allof(envelope "to" "joe@company.example", address "from" "a@x.example") { discard; }',
            ["block a@x.example for person:joe.fern"],
        ),
        (
            'if allof(envelope :detail "to" "mara.berg", address "from" "a@x.example") { discard; }',
            ["block a@x.example for person:mara.berg"],
        ),
        # chains, not, and what says nothing
        (
            'if anyof(address "from" "a@x.example", address "from" "b@x.example") { discard; }'
            ' elsif address "from" "c@x.example" { discard; } else { keep; }',
            ["block a@x.example for company", "block b@x.example for company", "block c@x.example for company"],
        ),
        ('if not not address "from" "a@x.example" { discard; }', ["block a@x.example for company"]),
        (
            'if not anyof(not address "from" "a@x.example", not exists "X-Mailroom-Verified") { discard; }',
            ["block a@x.example for company"],
        ),
        ('if not exists "X-Mailroom-Verified" { stop; }', []),
        ("if false { discard; } keep;", []),
        ('require "variables"; set "who" "a@x.example"; if address "from" "${WHO}" { discard; }', ["block a@x.example for company"]),
        ('if address "from" "${who}@x.example" { discard; }', ["block ${who}@x.example for company"]),  # without variables that is a name
        # in Mailroom's order, and where the order does not matter
        (
            f'if {PROVEN} {{ keep; stop; }} if address :domain :matches "from" ["y.example", "*.y.example"] {{ discard; }}',
            ["allow x.example for company proof dmarc", "block y.example for company"],
        ),
        (
            f'if allof(address "from" "a@x.example", {PROVEN}) {{ keep; stop; }}'
            ' if address :domain :matches "from" ["*.x.example", "x.example"] { discard; stop; }',
            ["allow a@x.example for company proof dmarc", "block .x.example for company"],
        ),
    ],
)
def test_a_script_is_read_as_rules(text: str, rules: list[str]) -> None:
    script = read(text)
    assert (script.faults, [one.words() for one in script.rules]) == ([], rules)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('if header :contains "from" "boss" { keep; }', 1, "display name"),
        ('if address :contains "from" "x.example" { keep; }', 1, "others can register"),
        ('if address :localpart "from" "boss" { keep; }', 1, ":localpart"),
        ('if address :matches "from" "boss@*" { keep; }', 1, "no whole address"),
        ('if address :domain :matches "from" "*.x.example" { keep; }', 1, "subdomains only"),
        ('if header :matches "X-Mailroom-Verified" "dmarc *.x.example" { keep; }', 1, "another domain"),
        ('if header :matches "X-Mailroom-Verified" "dmarc *" { keep; }', 1, "names no sender"),
        ('if address :comparator "i;octet" "from" "a@x.example" { keep; }', 1, "case"),
        ('if address "sender" "a@x.example" { keep; }', 1, "author in From"),
        ('if envelope "from" "a@x.example" { keep; }', 1, "proves nobody"),
        ('if header "subject" "hello" { keep; }', 1, "subject"),
        ('if header :contains "list-id" "<l.x.example>" { keep; }', 1, "who signs"),
        ('if header "X-Mailroom-Risk" "none" { keep; }', 1, "x-mailroom-risk"),
        ("if size :over 1M { discard; }", 1, "test size"),
        ('if not address "from" "a@x.example" { discard; }', 1, "everybody but some"),
        ('if allof(address :domain "from" "x.example", not address "from" "a@x.example") { keep; }', 1, "everybody but some"),
        ('if allof(address "from" "a@x.example", header "X-Mailroom-Verified" "dmarc y.example") { keep; }', 1, "another domain"),
        ('if allof(address "from" "a@x.example", header "X-Mailroom-Verified" "none") { keep; }', 1, "nobody proves"),
        (f'if allof(address "from" "a@x.example", {PROVEN}) {{ discard; }}', 1, "all messages of a sender"),
        ('if address :domain "from" "x.example" { discard; }', 1, "covers its subdomains"),
        ('if address "from" "a@x.example" { fileinto "Junk"; }', 1, "--held-folder Junk"),
        ('if address "from" "a@x.example" { fileinto "Held"; }', 1, "every hold ends"),
        ('if address "from" "a@x.example" { redirect :copy "b@x.example"; }', 1, ":copy"),
        ('if address "from" "a@x.example" { reject "no"; }', 1, "reject"),
        ('if address "from" "a@x.example" { discard; keep; }', 1, "one thing"),
        ('if address "from" "a@x.example" { if true { keep; } }', 1, "inside another"),
        ("keep;\ndiscard;", 2, "comes after line 1"),
        ("discard;", 1, "every message"),
        ("if true { discard; }", 1, "every message"),
        ('if address "from" "a@x.example" { discard; } else { discard; }', 1, "every message"),
        ('include "other";', 1, "include"),
        ('require "variables"; if address "from" "${who}" { keep; }', 1, "no fixed value"),
        ('require "variables"; set "a" "b";\nset "a" "c";', 2, "set once"),
        ('if allof(envelope "to" "x@company.example", address "from" "a@x.example") { keep; }', 1, "mailbox of nobody"),
        # keep and discard both act where nothing stops
        ('if address "from" "a@x.example" { discard; }\nkeep;', 2, "write stop"),
        ('if address "from" "a@x.example" { discard; }\nif address "from" "a@x.example" { keep; }', 2, "write stop"),
        # the order of the script, which is not Mailroom's
        (
            f'if address :domain :matches "from" ["x.example", "*.x.example"] {{ discard; stop; }}\n'
            f'if allof(address "from" "a@x.example", {PROVEN}) {{ keep; stop; }}',
            2,
            "Mailroom follows it first",
        ),
        (
            'if address "from" "a@x.example" { keep; stop; }\nif address :domain :matches "from" ["x.example", "*.x.example"] { discard; }',
            2,
            "would block unproven messages of line 1",
        ),
        (
            'if address "from" "a@x.example" { keep; stop; }\n'
            'elsif address :domain :matches "from" ["x.example", "*.x.example"] { redirect "joe@company.example"; }',
            2,
            "Mailroom follows it first",
        ),
    ],
)
def test_a_line_that_is_no_rule_is_refused(text: str, line: int, says: str) -> None:
    faults = read(text).faults if not text.startswith('require "variables"; set') else [raised(text)]
    assert [(one.line, says in one.reason) for one in faults] == [(line, True)], [one.reason for one in faults]


def raised(text: str) -> NoScript:
    """Fault of a text that is no script."""
    with pytest.raises(NoScript) as fault:
        read(text)
    return fault.value


def test_every_fault_of_a_script_is_told() -> None:
    script = read('if header "subject" "a" { keep; }\n\nif size :over 1 { discard; }\nif address "from" "a@x.example" { discard; }')
    assert [one.line for one in script.faults] == [1, 3]


def test_a_script_of_one_person_says_nothing_about_others() -> None:
    text = 'if allof(envelope :detail "to" "joe.fern", address "from" "a@x.example") { discard; }'
    assert "use --scope company" in read(text, "person:mara.berg").faults[0].reason
    own = read('if address "from" "a@x.example" { discard; }', "person:mara.berg").rules[0].rule
    assert own.scope == "person:mara.berg"
