"""Looking at mail and deciding about it from a shell."""

import json
import re
from dataclasses import replace

import pytest

from tests.triage.arriving import DMARC_FAIL, DMARC_PASS
from tests.triage_cli.conftest import Arrives, Shell
from triage.message.authentication import Dmarc, Result
from triage.message.summary import Attachment
from triage.quarantine.search import newest_matches, search_stream


def test_held_mail_is_listed_and_shown(shell: Shell, arrives: Arrives) -> None:
    mail = arrives(subject="Offer\x1b[2J of the day")
    said = shell("deliveries")
    assert said.code == 0
    assert mail in said.out
    assert "it+joe.fern" in said.out
    assert "\x1b" not in said.out
    assert json.loads(shell("deliveries", "--json").out)[0]["id"] == mail
    shown = shell("show", mail)
    assert "first-contact" in shown.out
    assert "\x1b" not in shown.out
    assert "Hello" in shell("show", mail, "--source").out
    assert "Subject: Offer" in shell("show", mail, "--headers").out
    assert "\x1b" not in shell("show", mail, "--headers").out


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--sender", "sales@supplier.example"], 1),
        (["--domain", "supplier.example"], 1),
        (["--department", "legal"], 0),
        (["--person", "joe.fern"], 1),
        (["--search", "ORDER your"], 1),
        (["--state", "purged"], 0),
        (["--since", "2026-11-23"], 1),
        (["--proof", "none"], 1),
        (["--rule", "first-contact"], 1),
        (["--rule", "listed-client"], 0),
        (["--rule", "first-contact", "--department", "legal"], 0),
        (["--state", "held", "--state", "queued"], 1),
        (["--domain", "supplier.example", "--since", "2026-11-25"], 0),
        (["--domain", "supplier.example", "--until", "2026-11-24T10:30+01:00"], 0),
    ],
)
def test_a_list_is_narrowed_down(shell: Shell, arrives: Arrives, options: list[str], found: int) -> None:
    arrives()
    assert len(json.loads(shell("deliveries", "--json", *options).out)) == found


def test_a_search_that_runs_out_of_time_looks_further(shell: Shell, arrives: Arrives, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [arrives(subject="rare"), *(arrives(subject="rarely") for _ in range(3))][0]
    for name, value in (("AT_ONCE", 2), ("LEAST", 1), ("PATIENCE", -1), ("PATIENCE_FURTHER", -1)):
        monkeypatch.setattr(search_stream, name, value)
    monkeypatch.setattr(newest_matches, "ROWS", 2)  # PostgreSQL reads its newest rows first
    said = shell("deliveries", "--json", "--search", "subject:rare -rarely")
    assert [one["id"] for one in json.loads(said.out)] == [wanted]
    assert re.search(r"^mailroom: looked back to 20\d\d-\d\d-\d\dT\d\d:\d\d\S*; looking further$", said.err, re.MULTILINE)


def test_a_campaign_is_purged_without_what_proves_itself(shell: Shell, arrives: Arrives) -> None:
    text = "Your parcel could not be handed over. Settle the customs charge and choose a new delivery slot today."
    forged = {arrives(author=f"{number}@host{number}.example", text=text) for number in range(3)}
    real = arrives(author="post@supplier.example", text=text, dmarc=DMARC_PASS)
    listed = json.loads(shell("deliveries", "--json").out)
    (campaign,) = {one["campaign"] for one in listed}
    assert {one["id"] for one in json.loads(shell("deliveries", "--json", "--campaign", campaign).out)} == {*forged, real}
    assert "Removed 3 messages" in shell("purge", "--campaign", campaign, "--reason", "fraud").out
    (left,) = json.loads(shell("deliveries", "--json", "--state", "held").out)
    assert left["id"] == real
    assert shell("purge", "--campaign", campaign, "--proof", "any").code == 0


def test_release_undo_and_the_late_click(shell: Shell, arrives: Arrives) -> None:
    mail = arrives()
    released = shell("release", mail, "--reason", "wanted")
    assert (released.code, "Released “Your order”." in released.out) == (0, True)
    again = shell("release", mail)
    assert again.code == 1
    assert "mailroom: Released by " in again.err
    assert mail in again.out
    (decision,) = json.loads(shell("decisions", "--json").out)
    assert decision["reason"] == "wanted"
    assert shell("decisions", "undo", decision["id"]).code == 0
    assert "held" in shell("deliveries").out


def test_purge_and_block(shell: Shell, arrives: Arrives) -> None:
    first, second = arrives("joe.fern@company.example"), arrives("mara.berg@company.example")
    said = json.loads(shell("purge", "--sender", "sales@supplier.example", "--block", "company", "--expect", "2", "--json").out)
    assert (said["done"], {item["delivery"] for item in said["items"]}) == (2, {first, second})
    assert "block" in shell("rules").out
    assert shell("restore", first).code == 0
    assert shell("hold", first).code == 1


def test_release_and_allow(shell: Shell, arrives: Arrives) -> None:
    shell("release", arrives(dmarc=DMARC_PASS), "--allow", "person:joe.fern")
    (rule,) = json.loads(shell("rules", "list", "--json").out)
    assert (rule["effect"], rule["sender"], rule["scope"], rule["proof"]) == ("allow", "sales@supplier.example", "person:joe.fern", "dmarc")


def test_a_password_by_phone(shell: Shell, arrives: Arrives) -> None:
    encrypted = Attachment(1, "plans.zip", "application/zip", 10, "", ("plan.pdf",), closed=True, locked=True)
    shell("allow", "sales@supplier.example")
    arrives(dmarc=DMARC_PASS)
    first = arrives(dmarc=DMARC_PASS, attachments=(encrypted,))
    assert "--encrypted need --allow" in shell("release", first, "--encrypted").err
    assert "name it" in shell("allow", "sales@supplier.example", "--encrypted").err
    dry = shell("release", first, "--allow", "person:joe.fern", "--encrypted", "--dry-run").out
    assert "Rule: allow sales@supplier.example for person:joe.fern with proof dmarc, also with encrypted files." in dry
    assert "also with encrypted files, until 90 days" in shell("release", first, "--allow", "person:joe.fern", "--encrypted").out
    rule, _ = json.loads(shell("rules", "list", "--json").out)
    assert (rule["encrypted"], rule["lapse_days"], rule["note"]) == (True, 90, "The password was given by phone.")
    assert json.loads(shell("decisions", "--json").out)[0]["reason"] == "The password was given by phone."
    next_one = arrives(dmarc=DMARC_PASS, attachments=(encrypted,))
    assert json.loads(shell("deliveries", "--json", "--state", "queued").out)[0]["id"] == next_one


def test_of_several_senders_nobody_is_let_in_unnamed(shell: Shell, arrives: Arrives) -> None:
    good, news = "good@a.example", "news@b.example"
    one, two = (arrives(author=author, dmarc=replace(DMARC_PASS, domain=author.rpartition("@")[2])) for author in (good, news))
    forged = arrives(author="bill@c.example", dmarc=replace(DMARC_FAIL, domain="c.example"))
    asked = shell("release", one, two, forged, "--allow", "company")
    assert asked.code == 1
    for line in (
        "Would release 2 messages and allow 2 of these senders.",
        f"allow  {good}: 1 message, genuine",
        "leave  bill@c.example: 1 message, DMARC fails",
        "Nothing was done: name each sender with --allow-sender or --without.",
    ):
        assert line in asked.out
    assert json.loads(shell("rules", "list", "--json").out) == []
    dry = json.loads(shell("release", one, two, forged, "--allow", "company", "--dry-run", "--json").out)["allow"]
    assert [sender["chosen"] for sender in dry["senders"]] == [True, True, False]
    named = ("--allow-sender", good, "--without", news)
    assert "bill@c.example also wrote" in shell("release", one, two, forged, "--allow", "company", *named).err
    done = shell("release", one, two, forged, "--allow", "company", *named, "--without", "bill@c.example", "--json")
    assert (done.code, json.loads(done.out)["done"]) == (0, 1)
    assert [rule["sender"] for rule in json.loads(shell("rules", "list", "--json").out)] == [good]


def test_redirect(shell: Shell, arrives: Arrives) -> None:
    mail = arrives("info@company.example")
    assert shell("redirect", mail, "--to", "friend@other.example").code == 2
    assert "to mara.berg@company.example" in shell("redirect", mail, "--to", "mara.berg").out
    assert "mara.berg@company.example" in shell("outgoing").out


def test_the_queue_by_id_and_by_next_hop(shell: Shell, arrives: Arrives) -> None:
    first, second, third = arrives(), arrives(), arrives()
    shell("release", first, second, third)
    (standing,) = json.loads(shell("outgoing", "next-hops", "--json").out)
    assert (standing["waiting"], standing["unreachable"]) == (3, 0)
    url = standing["next_hop"]
    assert shell("outgoing", "give-up", first).out == "1 given up.\n"
    assert shell("outgoing", "retry", first, second).out == "2 tried again now.\n"
    assert shell("outgoing", "hold", second, "--reason", "on second thoughts").out == "1 held.\n"
    listed = {one["id"]: one for one in json.loads(shell("outgoing", "list", "--next-hop", url, "--json").out)}
    assert {name: (one["state"], one["kind"], one["next_hop"]) for name, one in listed.items()} == {
        first: ("queued", "in", url),
        third: ("queued", "in", url),
    }
    assert shell("outgoing", "retry", "--next-hop", url).out == "2 tried again now.\n"
    assert shell("outgoing", "give-up", "--next-hop", url).out == "2 given up.\n"
    assert shell("outgoing", "hold", "--next-hop", url).out == "0 held.\n"
    assert "given up by" in shell("outgoing").out


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["purge"], 2, "select: name ids, a sender, a domain"),
        (["release", "nonsense"], 2, "“nonsense” is not an id"),
        (["release", "0000000000007"], 1, "none of the selected messages can be changed like this"),
        (["release", "--sender", "sales@supplier.example", "--expect", "7"], 1, "you expected 7, but 1 are selected now"),
        (["show", "0000000000007"], 1, "there is no delivery 0000000000007"),
        (["deliveries", "--state", "all"], 2, '"all" is no state; there are held, '),
        (["campaigns", "--state", "waiting"], 2, '"waiting" is no state; there are held, '),
        (["deliveries", "--since", "yesterday"], 2, '--since: "yesterday" is no date such as'),
        (["redirect", "0000000000007"], 2, "Missing option '--to'"),
        (["purge", "--sender", "sales@supplier.example", "--block", "team:x"], 2, "scope: “team:x” is not a scope"),
        (["queue", "retry", "0000000000007"], 1, "there is no delivery"),
        (["queue", "retry"], 2, "name ids, or --next-hop URL"),
        (["queue", "give-up", "--next-hop", "nowhere:"], 2, "there is no next hop “nowhere:”; there are maildir:"),
        (["nonsense"], 2, "No such command 'nonsense'"),
        (["token", "create", "crm"], 2, "Choose from: read, decide,"),
    ],
)
def test_refusals_are_one_line_that_says_what_to_do(shell: Shell, arrives: Arrives, words: list[str], code: int, says: str) -> None:
    arrives()
    said = shell(*words)
    assert (said.code, says in said.err) == (code, True), said
    assert "Traceback" not in said.err


def test_a_sender_is_told_no(shell: Shell, arrives: Arrives, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILROOM_RELAY__SMARTHOST", "smtp://smarthost.example:25")
    dmarc = Dmarc(Result.PASS, "supplier.example", "supplier.example", "reject", ("spf",))
    proven, forged = arrives(dmarc=dmarc, spf=Result.PASS), arrives()
    assert shell("reject", proven).code == 2
    told = shell("reject", proven, forged, "--template", "wrong-address", "--reason", "another site")
    assert told.code == 1
    assert "1 left as they are: their senders must not get a notice." in told.out
    assert "No notice was sent: the sender is not proven" in told.out
    (notice,) = json.loads(shell("outgoing", "--json").out)
    assert (notice["kind"], notice["state"], notice["mailbox"]) == ("notice", "queued", "sales@supplier.example")
    assert shell("restore", proven).code == 0
    assert json.loads(shell("outgoing", "--json").out) == []


def test_a_dry_run_says_what_the_purge_then_does(shell: Shell, arrives: Arrives) -> None:
    arrives("joe.fern@company.example"), arrives("mara.berg@company.example")
    before = shell("purge", "--sender", "sales@supplier.example", "--dry-run").out
    assert "Would remove 2 messages of 2 people in 2 departments." in before
    assert "--block would block 1 address for company: held for 24 hours, then refused." in before
    assert "held" in shell("deliveries").out
    plan = json.loads(shell("purge", "--sender", "sales@supplier.example", "--dry-run", "--json").out)
    assert (plan["count"], plan["removal"]["blocked"]) == (2, {"campaign": 0, "domain": 0, "address": 1})
    assert shell("purge", "--sender", "sales@supplier.example", "--block", "--expect", "2", "--reason", "spam").code == 0
    (rule,) = json.loads(shell("rules", "list", "--json").out)
    assert (rule["effect"], rule["sender"], rule["scope"]) == ("block", "sales@supplier.example", "company")


def test_what_is_left_out_of_a_block_is_not_blocked(shell: Shell, arrives: Arrives) -> None:
    arrives("joe.fern@company.example")
    assert "need --block" in shell("purge", "--sender", "sales@supplier.example", "--without", "sales@supplier.example").err
    shell("purge", "--sender", "sales@supplier.example", "--block", "--without", "sales@supplier.example")
    assert json.loads(shell("rules", "list", "--json").out) == []
