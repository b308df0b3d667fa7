"""`mailroom rules propose`: what speaks for a rule, and one word to accept or refuse it."""

import json

from sqlalchemy import Engine, update
from sqlmodel import col

from tests.triage_cli.conftest import Arrives, Shell
from triage.store import db
from triage.store.models.contacts import PostedList
from triage.store.models.deliveries import Delivery
from triage.times import utcnow


def test_proposals_are_listed_accepted_and_refused(shell: Shell, arrives: Arrives, engine: Engine) -> None:
    deliveries = [arrives(author="code@portal.example", subject="Your code") for _ in range(2)]
    with db.transaction(engine) as session:
        values = {"proof": "dmarc", "rule": "first-contact", "time_limited_until": utcnow(), "received_at": utcnow()}
        session.execute(update(Delivery).where(col(Delivery.author_domain) == "portal.example").values(**values))
        session.add(PostedList(address="a@l.example", list_id="a.l.example", signer="l.example", posts=2))
    listed = json.loads(shell("rules", "propose", "--json").out)
    assert all(deliveries)
    assert {one["value"]: (one["kind"], one["would pass"]) for one in listed} == {
        "portal.example": ("sign-in", 2),
        "a.l.example": ("list", 0),
    }
    ids = {one["value"]: one["id"] for one in listed}
    assert "allow portal.example for the company?" in shell("rules", "propose").out
    said = shell("rules", "propose", "--accept", ids["portal.example"], "--refuse", ids["a.l.example"])
    assert (said.code, said.out) == (0, "")
    assert [one["sender"] for one in json.loads(shell("rules", "list", "--json").out)] == ["portal.example"]
    again = shell("rules", "propose", "--accept", ids["a.l.example"])
    assert (again.code, "has already refused this suggestion" in again.err) == (1, True)
    assert shell("rules", "propose", "--accept", "0000000000000").code == 1
