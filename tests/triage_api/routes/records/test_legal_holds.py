"""Legal holds over HTTP."""

from tests.triage_api.conftest import Came, NewBrowser

MARA = "mara.berg@company.example"


def test_an_administrator_holds_and_lifts_and_an_auditor_reads(new_browser: NewBrowser, came: Came) -> None:
    ida, otto = new_browser("ida"), new_browser("otto")
    came(MARA)
    made = ida.post("/legal-holds", {"select": {"sender": "sales@supplier.example"}, "reason": "a dispute"})
    assert made.status_code == 201
    assert (made.json()["deliveries"], made.json()["select"]) == (1, {"sender": "sales@supplier.example"})
    assert otto.get("/legal-holds").json()["items"] == [made.json()]
    path = f"/legal-holds/{made.json()['id']}/lift"
    assert otto.post(path, {"reason": "x"}).status_code == 403
    assert ida.post(path, {"reason": "over"}).json()["lifted_by_name"] == "Ida Lind"
    assert ida.post(path, {"reason": "over"}).status_code == 409
    assert otto.get("/legal-holds").json()["items"] == []
    assert len(otto.get("/legal-holds?lifted=true").json()["items"]) == 1


def test_pages(new_browser: NewBrowser) -> None:
    ida = new_browser("ida")
    made = [ida.post("/legal-holds", {"person": "mara.berg", "reason": f"{number}"}).json()["id"] for number in range(3)]
    first = ida.get("/legal-holds?limit=2").json()
    rest = ida.get("/legal-holds", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [one["id"] for one in first["items"] + rest["items"]] == made[::-1]
    assert rest["next_cursor"] is None
