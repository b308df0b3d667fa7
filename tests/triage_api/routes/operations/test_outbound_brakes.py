"""Brakes on outgoing messages over HTTP: what waits, one act for all of it, and announced runs."""

from dataclasses import replace
from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from tests.triage.messages import mail
from tests.triage_api.conftest import NewBrowser
from triage.addressing.envelope import Envelope
from triage.config.settings import Settings
from triage.ids import new_id
from triage.intake import store_outbound
from triage.message.summary import make_summary
from triage.store import bodies, db
from triage.times import utcnow

JOE = "joe.fern@company.example"


@pytest.fixture
def braked(app: FastAPI, engine: Engine, api_settings: Settings) -> None:
    """Joe wrote to nine strangers, and the brake holds what goes to seven of them."""
    braking = replace(api_settings, outbound=replace(api_settings.outbound, brake_recipients=6, brake_first=2, brake_trial_days=0))
    raw = mail(f"From: <{JOE}>\nSubject: An invitation", "Hello\n")
    strangers = tuple(f"guest{number}@party.example" for number in range(9))
    leaving = Envelope(new_id(), utcnow(), JOE, strangers, "192.0.2.25", "inner.company.example")
    with db.transaction(engine) as session:
        store_outbound.store_outgoing(session, leaving, bodies.pack_body(raw), make_summary(raw), settings=braking, now=utcnow())


@pytest.mark.usefixtures("braked")
def test_one_act_is_for_all_that_waits(new_browser: NewBrowser) -> None:
    ida, ana = new_browser("ida"), new_browser("ana")
    assert (ida.get("/me").json()["looks_after_outgoing"], ana.get("/me").json()["looks_after_outgoing"]) == (True, False)
    assert ana.get("/outgoing/brakes").status_code == 403
    (brake,) = ida.get("/outgoing/brakes").json()["items"]
    assert (brake["name"], brake["state"], brake["recipients"], brake["waiting"]) == ("Joe Fern", "open", 9, 7)
    assert [(one["subject"], one["recipients"]) for one in brake["messages"]] == [("An invitation", 7)]
    path = f"/outgoing/brakes/{brake['id']}"
    assert ana.post(f"{path}/release", {}).status_code == 403
    removed = ida.post(f"{path}/remove", {"reason": "stolen"}).json()
    assert (removed["state"], removed["waiting"], removed["reason"], removed["by_name"]) == ("removed", 0, "stolen", "Ida Lind")
    assert (again := ida.post(f"{path}/release", {})).status_code == 409
    assert "Removed by Ida Lind" in again.json()["detail"]
    assert ida.post(f"{path}/restore", {}).json()["waiting"] == 7
    released = ida.post(f"{path}/release", {}).json()
    assert (released["state"], released["waiting"]) == ("released", 0)


def test_a_run_is_announced_and_ended(new_browser: NewBrowser) -> None:
    ida = new_browser("ida")
    until = (utcnow() + timedelta(hours=4)).isoformat()
    order = {"employee": JOE, "recipients": 500, "until": until, "reason": "invitations"}
    made = ida.post("/outgoing/runs", order)
    assert (made.status_code, made.json()["person"], made.json()["used"]) == (201, "joe.fern", 0)
    assert ida.get("/outgoing/runs").json()["items"] == [made.json()]
    unknown = ida.post("/outgoing/runs", order | {"employee": "nobody"})
    assert (unknown.status_code, unknown.json()["field"]) == (422, "employee")
    assert ida.request("DELETE", f"/outgoing/runs/{made.json()['id']}").status_code == 204
    assert ida.get("/outgoing/runs").json() == {"items": []}
