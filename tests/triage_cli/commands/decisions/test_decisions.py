"""`mailroom decisions related`: what lay beside a purge's copies, and how it is taken."""

import json

from sqlalchemy import Engine

from tests.triage.arriving import NOW
from tests.triage_cli.conftest import Arrives, Shell
from triage import ids
from triage.delivery.recall import related_messages
from triage.delivery.recall.related_messages import Place, Related
from triage.store import db
from triage.store.models.deliveries import Delivery


def test_related(shell: Shell, arrives: Arrives, engine: Engine) -> None:
    mail = arrives()
    purge = json.loads(shell("purge", mail, "--json").out)["decision"]
    assert json.loads(shell("decisions", "related", purge, "--json").out) == []
    with db.transaction(engine) as session:
        beside = [Related(Place("Sent\x1b", 7, 1, ""), NOW, False, None, "joe@company.example", "Re: order")]
        related_messages.record_related(session, ids.parse_id(purge), session.get_one(Delivery, ids.parse_id(mail)), beside, NOW)
    (row,) = json.loads(shell("decisions", "related", purge, "--json").out)
    assert (row["folder"], row["author"], row["subject"], row["what"], row["state"]) == (
        "Sent\\x1b",
        "joe@company.example",
        "Re: order",
        "names it",
        "",
    )
    taken = shell("decisions", "related", purge, "--take", row["copy"], "--reason", "forged")
    assert (taken.code, "Removed 0 of 1 related message from 1 mailbox; 1 mailbox still to do." in taken.out) == (0, True)
    (row,) = json.loads(shell("decisions", "related", purge, "--json").out)
    assert row["state"].startswith("removed by ")
    assert "already removed" in shell("decisions", "related", purge, "--take", row["copy"]).err
