"""Closing the door over HTTP."""

from tests.triage_api.conftest import Came, NewBrowser


def test_administrators_switch_and_everybody_sees_what_holds(new_browser: NewBrowser, came: Came) -> None:
    ida, ben = new_browser("ida"), new_browser("ben")
    answer = ida.request("PUT", "/enforcement", json={"department": "legal", "mode": "observe", "reason": "first week"})
    assert [(one["code"], one["mode"], one["by"]) for one in answer.json()["items"]] == [
        ("", "enforce", ""),
        ("it", "enforce", ""),
        ("legal", "observe", "Ida Lind"),
    ]
    mara, joe = came("legal+mara.berg@company.example", "it+joe.fern@company.example")
    assert [ida.get(f"/deliveries/{one}").json()["state"] for one in (mara, joe)] == ["queued", "held"]
    assert [one["code"] for one in ben.get("/enforcement").json()["items"]] == ["", "legal"]
    assert ben.request("PUT", "/enforcement", json={"department": "legal", "mode": None}).status_code == 403
    assert ida.request("PUT", "/enforcement", json={"mode": "observe"}).status_code == 200
    assert ida.get("/me").json()["company"]["mode"] == "observe"
    assert ida.request("PUT", "/enforcement", json={"mode": "shut"}).status_code == 422
