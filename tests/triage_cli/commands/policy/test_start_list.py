"""`mailroom start-list`: what is offered, one act, one undo, and a file whose wrong lines are named."""

import json
from pathlib import Path

from sqlalchemy import Engine, update
from sqlmodel import col

from tests.triage_cli.conftest import Arrives, Shell
from triage.store import db
from triage.store.models.deliveries import Delivery
from triage.times import utcnow

LIST = "mailroom-start-list 2027-01-04\nchase.com category=banks sends=codes dkim=chase.com source=our-own-list subdomains\n"


def test_a_category_is_shown_allowed_and_undone(shell: Shell, arrives: Arrives, engine: Engine) -> None:
    assert arrives(author="code@chase.com", subject="Your code")
    with db.transaction(engine) as session:
        values = {"proof": "dmarc", "rule": "first-contact", "received_at": utcnow()}
        session.execute(update(Delivery).where(col(Delivery.author_domain) == "chase.com").values(**values))
    listed = {one["name"]: one for one in json.loads(shell("start-list", "list", "--json").out)}
    assert (listed["banks"]["offered"], listed["shops"]["offered"]) == (1, 0)
    assert shell("start-list").out.splitlines()[0].split()[0] == "NAME"
    dry = shell("start-list", "allow", "banks", "--dry-run")
    assert "Allows 1 domain for the whole company, with DMARC. It would have released 1 message of the last 90 days." in dry.out
    assert json.loads(shell("rules", "list", "--json").out) == []
    said = shell("start-list", "allow", "banks")
    act = said.out.split()[-1]
    assert f"allowed 1 domain; undo: mailroom start-list undo {act}" in said.out
    assert [one["sender"] for one in json.loads(shell("rules", "list", "--json").out)] == ["chase.com"]
    assert json.loads(shell("start-list", "show", "banks", "--json").out)[0]["standing"] == "allowed"
    assert shell("start-list", "undo", act).code == 0
    assert json.loads(shell("rules", "list", "--json").out) == []
    assert [one["id"] for one in json.loads(shell("start-list", "acts", "--json").out)] == [act]
    assert shell("start-list", "allow", "banka").code == 1


def test_a_file_is_taken_whole_or_not_at_all(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text(LIST + "chase.com category=banks sends=codes dkim=chase.com source=our-own-list\n")
    wrong = shell("start-list", "import", str(file))
    assert (wrong.code, f"{file}:3: chase.com is in line 2 already" in wrong.err) == (2, True)
    assert "1 line is wrong; nothing was changed" in wrong.err
    file.write_text(LIST)
    assert "Version 2027-01-04 with 1 sender" in shell("start-list", "import", str(file), "--dry-run").out
    assert shell("start-list", "import", str(file)).code == 0
    assert "in force already" in shell("start-list", "import", str(file)).out
