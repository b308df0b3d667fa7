"""Lists of other gateways, entry by entry: which rule each means, and which nobody can be sure of."""

import json

import pytest

from triage.errors import BadInput
from triage_cli.gateway_lists.entries import Entry
from triage_cli.gateway_lists.read_csv import read_csv
from triage_cli.gateway_lists.read_exchange import read_exchange
from triage_cli.gateway_lists.read_spamassassin import read_spamassassin


def rule(entry: Entry) -> str:
    """The rule in words, without its note."""
    values = json.loads(entry.rule)
    return " ".join(values[name] for name in ("effect", "sender", "proof", "until") if values.get(name))


@pytest.mark.parametrize(
    ("line", "rules"),
    [
        ("whitelist_from Ana@Supplier.example *@partner.example", ["allow ana@supplier.example", "allow partner.example"]),
        ("welcomelist_auth *@bank.example # our bank", ["allow bank.example aligned"]),
        ("whitelist_from_rcvd news@list.example list.example", ["allow news@list.example"]),
        ("welcomelist_from_dkim a@shop.example mailer.example", ["allow a@shop.example dkim:mailer.example"]),
        ("def_whitelist_from_dkim *@shop.example", ["allow shop.example dkim:shop.example"]),
        ("blacklist_from spam@junk.example @worse.example", ["block spam@junk.example", "block worse.example"]),
        ("required_score 5.0\nscore BAYES_99 4\n# whitelist_from a@b.example\n", []),
        ("whitelist_from a@b.example c@d.example\nunwhitelist_from a@b.example", ["allow c@d.example"]),
    ],
)
def test_spamassassin(line: str, rules: list[str]) -> None:
    assert [rule(one) for one in read_spamassassin(line)] == rules


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("whitelist_from *@*.supplier.example", "means the subdomains only. If supplier.example itself is meant too: mailroom allow .sup"),
        ("blacklist_from *.junk.example", "means the subdomains only"),
        ("blacklist_from offer*@junk.example", "is a pattern"),
        ("whitelist_from supplier.example", "matches no whole address there"),
        ("whitelist_to boss@company.example", "whitelist_to is about no sender"),
        ("all_spam_to abuse@company.example", "all_spam_to is about no sender"),
        ("ifplugin Mail::SpamAssassin::Plugin::SPF\nwhitelist_auth *@bank.example\nendif", "stands inside an if"),
    ],
)
def test_spamassassin_where_it_is_unsure(line: str, why: str) -> None:
    (one,) = read_spamassassin(line)
    assert (one.rule, why in one.why) == ("", True), one


POLICY = {
    "Name": "Default",
    "AllowedSenders": [{"Sender": {"Address": "ana@supplier.example"}}, "bo@partner.example", {"Sender": "a", "Domain": "b"}],
    "AllowedSenderDomains": "bank.example",
    "BlockedSenderDomains": [{"Domain": "junk.example"}],
    "BlockedSenders": None,
}
ITEMS = [
    {"Value": "spam@junk.example", "Action": "Block", "ExpirationDate": "/Date(1924992000000)/", "Notes": "seen twice"},
    {"Value": "192.0.2.7", "Action": "Block"},
    {"Value": "x@y.example", "Action": "Block", "ExpirationDate": "11/12/2030 8:00:00 AM"},
    {"Value": "x@y.example", "Action": "Audit"},
]


def test_exchange() -> None:
    found = list(read_exchange(json.dumps(POLICY)))
    assert [rule(one) for one in found if one.rule] == [
        "allow ana@supplier.example",
        "allow bo@partner.example",
        "allow bank.example",
        "block junk.example",
    ]
    assert [(one.place, "is no address or domain" in one.why) for one in found if not one.rule] == [("entry 3", True)]
    off = list(read_exchange(json.dumps([POLICY | {"Enabled": False}])))
    assert not any(one.rule for one in off)
    first, *others = read_exchange(json.dumps(ITEMS))
    assert (rule(first), json.loads(first.rule)["note"]) == ("block spam@junk.example 2031-01-01T00:00:00+00:00", "seen twice")
    assert [one.why.split(",")[0].split(";")[0] for one in others] == [
        "is an IP address or network",
        "ends on 11/12/2030 8:00:00 AM",
        "Action is Audit",
    ]
    text = '#TYPE Deserialized.Item\n"Value","Action","ExpirationDate","Notes"\n"junk.example","Block","",""\n'
    assert [rule(one) for one in read_exchange(text)] == ["block junk.example"]


def test_csv() -> None:
    lines = ["Sender;List;Comment;User", "ana@supplier.example;whitelist;old friend;", "junk.example;Blocked;;"]
    text = "\n".join([*lines, "x@y.example;allow;;joe", "z@y.example;maybe;;"])
    found = list(read_csv(text))
    assert [rule(one) for one in found if one.rule] == ["allow ana@supplier.example", "block junk.example"]
    assert [(one.place, one.why) for one in found if not one.rule] == [
        ("line 4", "is for joe only: make the rule with --scope"),
        ("line 5", "List is maybe, which is neither allow nor block"),
    ]


@pytest.mark.parametrize(
    ("read", "text", "says"),
    [
        (read_csv, "ana@supplier.example,allow\n", "names no column of the sender"),
        (read_csv, "sender,colour\na@b.example,red\n", "names no column of the effect"),
        (read_exchange, "{", "this is no JSON of PowerShell"),
    ],
)
def test_files_that_are_something_else(read: object, text: str, says: str) -> None:
    assert callable(read)
    with pytest.raises(BadInput, match=says):
        list(read(text))
