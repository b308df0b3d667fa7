"""Legal holds from the shell."""

import json

from sqlalchemy import Engine, select
from sqlmodel import col

from tests.triage_cli.conftest import Arrives, Shell
from triage.store import db
from triage.store.models.compliance import LegallyHeld
from triage.store.models.deliveries import Delivery
from triage_cli.services import upkeep_retention


def test_a_hold_is_made_listed_and_lifted(shell: Shell, arrives: Arrives, engine: Engine) -> None:
    arrives("mara.berg@company.example")
    made = shell("legal-hold", "add", "--of", "mara.berg", "--reason", "a dispute")
    assert (made.code, "messages of mara.berg: 1 message so far" in made.out) == (0, True)
    upkeep_retention.hold_legally(engine)
    with db.read_transaction(engine) as session:
        assert session.scalar(select(col(LegallyHeld.delivery_id))) == session.scalar(select(col(Delivery.id)))
    (one,) = json.loads(shell("legal-hold", "list", "--json").out)
    assert (one["person"], one["messages"], one["reason"], one["lifted"]) == ("mara.berg", 1, "a dispute", "")
    assert shell("legal-hold", "lift", one["id"], "--reason", "over").code == 0
    assert shell("legal-hold", "list", "--json").out == "[]\n"
    (one,) = json.loads(shell("legal-hold", "list", "--lifted", "--json").out)
    assert one["lifted_reason"] == "over"


def test_a_selection_is_held(shell: Shell, arrives: Arrives) -> None:
    arrives("mara.berg@company.example")
    made = shell("legal-hold", "add", "--domain", "supplier.example", "--reason", "a dispute")
    assert "domain=supplier.example: 1 message so far" in made.out
    both = shell("legal-hold", "add", "--domain", "supplier.example", "--of", "mara.berg", "--reason", "x")
    assert (both.code, "make two" in both.err) == (2, True)
    states = shell("legal-hold", "add", "--domain", "supplier.example", "--state", "held", "--reason", "x")
    assert (states.code, "leave out states" in states.err) == (2, True)
