"""Known senders that send differently over HTTP: one entry, renewed and undone, in the reader's language."""

from fastapi import FastAPI
from sqlalchemy import Engine

from tests.triage.policy.known_senders.test_domain_proofs import BY_SERVER, DOMAIN, ODD, SIGNED, allow, came
from tests.triage_api.conftest import NewBrowser
from triage.config.settings import Settings


def test_one_entry_is_renewed_and_undone(app: FastAPI, engine: Engine, api_settings: Settings, new_browser: NewBrowser) -> None:
    allow(engine, api_settings)
    came(engine, api_settings, SIGNED)
    for more in ({}, ODD):
        came(engine, api_settings, BY_SERVER, **more)
    ana, ben = new_browser("ana"), new_browser("ben")
    (one,) = ana.get("/changed-proofs").json()["items"]
    assert (one["domain"], one["state"], one["messages"], one["people"], one["held"]) == (DOMAIN, "new", 2, 1, 1)
    german = ana.get("/changed-proofs", headers={"Accept-Language": "de"}).json()["items"][0]
    assert german["before"] == [f"von {DOMAIN} signiert (DKIM)"]
    assert ben.get("/changed-proofs").json()["items"] == []  # nothing of it is in his scope
    path = f"/changed-proofs/{DOMAIN}"
    ways = {"ways": one["ways"]}
    assert ben.post(f"{path}/renew", ways).status_code == 403
    assert ana.post("/changed-proofs/other.example/renew", ways).status_code == 404
    assert ana.post(f"{path}/renew", {}).status_code == 422
    assert ana.post(f"{path}/renew", {"ways": ["dkim:other.example"]}).status_code == 409
    assert ana.post(f"{path}/refuse", ways).json()["state"] == "refused"
    assert ana.post(f"{path}/renew", ways | {"reason": "called them"}).json()["by_name"] == "Ana Roth"
    assert "Renewed by Ana Roth" in ana.post(f"{path}/renew", ways).json()["detail"]
    assert ana.post(f"{path}/undo", {}).json()["state"] == "new"
