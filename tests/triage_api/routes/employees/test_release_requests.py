"""Requests over HTTP, and on the rows."""

from tests.triage_api.conftest import Browser, Came


def test_asked_for_declined_and_asked_for_again(ana: Browser, came: Came) -> None:
    (mail,) = came()
    key = {"Idempotency-Key": "one"}
    made = ana.post("/requests", {"delivery": mail, "comment": "he called"}, headers=key)
    assert made.status_code == 201
    assert ana.post("/requests", {"delivery": mail, "comment": "he called"}, headers=key).json() == made.json()
    (item,) = ana.get("/triage").json()["items"]
    (asked,) = item["requests"]
    assert (asked["delivery"], asked["by_name"], asked["comment"]) == (mail, "Joe Fern", "he called")
    (listed,) = ana.get("/requests").json()["items"]
    assert (listed["id"], listed["delivery"]["id"], listed["recorded_by_name"]) == (made.json()["id"], mail, "Ana Roth")
    assert "Joe Fern requested its release: he called" in [one["sentence"] for one in ana.get(f"/deliveries/{mail}").json()["history"]]
    assert ana.post(f"/requests/{listed['id']}/decline", {"reason": "not from his bank"}).status_code == 204
    assert ana.post(f"/requests/{listed['id']}/decline").status_code == 409
    assert ana.get("/requests").json()["items"] == ana.get("/triage").json()["items"][0]["requests"] == []
    refused = ana.post("/requests", {"delivery": mail})
    assert (refused.status_code, refused.json()["detail"]) == (409, "Ana Roth declined this: not from his bank")


def test_pages_of_requests(ana: Browser, came: Came) -> None:
    made = [ana.post("/requests", {"delivery": mail}).json()["id"] for mail in (came()[0], came()[0], came()[0])]
    first = ana.get("/requests?limit=2").json()
    rest = ana.get(f"/requests?limit=2&cursor={first['next_cursor']}").json()
    assert [one["id"] for page in (first, rest) for one in page["items"]] == made[::-1]
    assert rest["next_cursor"] is None
    assert first["open"] == rest["open"] == 3
    ana.post(f"/requests/{made[0]}/decline")
    assert ana.get("/requests?limit=1").json()["open"] == 2
