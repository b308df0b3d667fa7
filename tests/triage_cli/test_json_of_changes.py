"""`--json` of commands that change something, or only say sentences: one object, whatever becomes of them."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from tests.triage.arriving import DMARC_PASS
from tests.triage_cli.conftest import Arrives, Shell
from triage.store import db
from triage.store.models.deliveries import Delivery


def test_a_change_prints_what_it_says_and_what_the_api_answered(shell: Shell) -> None:
    made = json.loads(shell("block", "junk.example", "--json").out)
    (rule,) = made["answers"]
    assert (rule["value"], made["said"]) == ("junk.example", [f"{rule['id']}  block junk.example for company"])
    assert json.loads(shell("rules", "remove", rule["id"], "--json").out) == {"said": [], "answers": []}


def test_what_is_refused_prints_nothing_as_json(shell: Shell) -> None:
    refused = shell("requests", "decline", "0000000000007", "--json")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err


@pytest.mark.parametrize(
    "words",
    [
        ("sweep", "nobody"),
        ("redeliver", "--person", "nobody", "--since", "2026-11-01"),
        ("decisions", "related", "0000000000007", "--take", "0000000000008"),
        ("campaigns", "join", "0000000000007", "0000000000008"),
        ("campaigns", "split", "0000000000007", "0000000000008"),
    ],
    ids=" ".join,
)
def test_what_is_refused_says_why_and_leaves_no_half_of_an_object(shell: Shell, words: tuple[str, ...]) -> None:
    refused = shell(*words, "--json")
    assert refused.code in (1, 2)
    assert refused.err
    assert not refused.out or json.loads(refused.out)


def test_what_would_be_delivered_again_is_one_object(shell: Shell) -> None:
    said = json.loads(shell("redeliver", "--person", "joe.fern", "--since", "2026-11-01", "--dry-run", "--json").out)
    assert said["said"] == ["0 messages would be delivered again to joe.fern"]


def test_a_file_is_told_as_one_object(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "rules"
    file.write_text("block one.example\nblock two.example\n")
    said = json.loads(shell("rules", "import", str(file), "--dry-run", "--json").out)
    assert (said["said"], said["answers"][0]["made"]) == (["would make 2 rules; 0 were there already"], 2)


def test_a_command_of_this_machine_prints_its_sentence(shell: Shell) -> None:
    (said,) = json.loads(shell("db", "check", "--json").out)["said"]
    assert said == shell("db", "check").out.strip()


def test_a_verb_that_waits_for_approval_says_so(shell: Shell, arrives: Arrives, config: Path, engine: Engine) -> None:
    config.write_text(config.read_text().replace("[policy]", '[policy]\napprovals = ["large-purge"]\napproval_purge_copies = 1'))
    first, second = arrives(), arrives("mara.moss@company.example")
    with db.transaction(engine) as session:
        session.execute(update(Delivery).values(state="delivered"))
    said = shell("purge", first, second, "--json")
    waiting = json.loads(said.out)
    assert (said.code, waiting["decision"], waiting["count"], waiting["done"]) == (1, "", 2, 0)
    assert {one["outcome"] for one in waiting["items"]} == {"waits"}
    (row,) = json.loads(shell("approvals", "list", "--json").out)
    assert row["id"] == waiting["approval"]


def test_a_verb_that_is_refused_says_why_as_one_object(shell: Shell, arrives: Arrives) -> None:
    one = arrives(author="ana@supplier.example", dmarc=DMARC_PASS)
    other = arrives(author="bo@partner.example")
    refused = shell("release", one, other, "--allow", "company", "--json")
    assert (refused.code, json.loads(refused.out)["said"][-1].startswith("Nothing was done: ")) == (1, True)


@pytest.mark.parametrize("option", ["--department", "--person"])
def test_a_search_is_kept_for_a_folder_as_lists_print_it(shell: Shell, option: str) -> None:
    shell("searches", "save", "mine", "--search", "order", option, "it+joe.fern")
    (row,) = json.loads(shell("searches", "list", "--json").out)
    assert (row["department"], row["person"]) == ("it", "joe.fern")


def test_a_rule_that_goes_with_a_decision_takes_a_folder(shell: Shell, arrives: Arrives) -> None:
    good, bad = arrives(author="ana@supplier.example", dmarc=DMARC_PASS), arrives(author="spam@junk.example")
    assert shell("release", good, "--allow", "it+joe.fern").code == 0
    assert shell("purge", bad, "--block", "it").code == 0
    scopes = {one["sender"]: one["scope"] for one in json.loads(shell("rules", "list", "--json").out)}
    assert scopes.pop("ana@supplier.example") == "person:joe.fern"
    assert set(scopes.values()) == {"department:it"}


def test_the_walk_along_the_chain_is_told_as_numbers(shell: Shell) -> None:
    shell("block", "junk.example")
    found = json.loads(shell("audit", "verify", "--json").out)
    assert (found["unchained"] > 0, found["fault"]) == (True, "")
