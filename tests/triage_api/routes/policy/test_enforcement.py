"""Enforcement steps, over HTTP."""

from tests.triage_api.conftest import Came, NewBrowser


def test_administrators_set_it_and_everybody_sees_what_counts(new_browser: NewBrowser, came: Came) -> None:
    ida, ben = new_browser("ida"), new_browser("ben")
    answer = ida.request("PUT", "/enforcement", json={"scope": "department:legal", "step": "record-only", "reason": "first week"})
    assert [(one["scope"], one["step"], one["by"]) for one in answer.json()["items"]] == [
        ("", "hold-unknown", ""),
        ("department:it", "hold-unknown", ""),
        ("department:legal", "record-only", "Ida Lind"),
    ]
    mara, joe = came("legal+mara.berg@company.example", "it+joe.fern@company.example")
    assert [ida.get(f"/deliveries/{one}").json()["state"] for one in (mara, joe)] == ["queued", "held"]
    assert [one["scope"] for one in ben.get("/enforcement").json()["items"]] == ["", "department:legal"]
    assert ben.request("PUT", "/enforcement", json={"scope": "department:legal", "step": None}).status_code == 403
    assert ida.request("PUT", "/enforcement", json={"step": "record-only"}).status_code == 200
    assert ida.get("/me").json()["company"]["enforcement"] == "record-only"
    assert ida.request("PUT", "/enforcement", json={"step": "shut"}).status_code == 422


def test_a_stricter_step_begins_on_the_next_working_day_and_employees_are_told(new_browser: NewBrowser) -> None:
    ida = new_browser("ida")
    ida.request("PUT", "/enforcement", json={"step": "record-only"})
    order = {"scope": "person:joe.fern", "step": "hold-dangerous", "notify": True}
    (joe,) = [one for one in ida.request("PUT", "/enforcement", json=order).json()["items"] if one["scope"] == "person:joe.fern"]
    assert (joe["step"], joe["planned"]["step"], "T" in joe["planned"]["starts_at"]) == ("record-only", "hold-dangerous", True)
    (joe,) = [
        one
        for one in ida.request("PUT", "/enforcement", json=order | {"starts_at": "now", "notify": False}).json()["items"]
        if one["scope"] == "person:joe.fern"
    ]
    assert (joe["step"], joe["planned"]) == ("hold-dangerous", None)
