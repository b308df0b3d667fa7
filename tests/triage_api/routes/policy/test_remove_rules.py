"""Several rules removed in one request: exactly those of the preview, all or none, and one request restores them."""

import pytest

from tests.triage_api.conftest import Browser, Came, NewBrowser
from tests.triage_api.routes.policy.test_restored_rules import ALLOW, BLOCK, in_force, make

GONE = "0000000000007"


def test_the_preview_says_what_is_removed_and_one_request_restores_it(ana: Browser, new_browser: NewBrowser) -> None:
    made = make(ana, BLOCK, ALLOW)
    shown = ana.post("/rules/remove", {"rules": made, "dry_run": True}).json()
    assert ([one["id"] for one in shown["rules"]], shown["count"], in_force(ana)) == (made[::-1], 2, sorted(made))
    assert [one["value"] for one in shown["rules"]] == ["sales@supplier.example", "bad.example"]
    assert ana.post("/rules/remove", {"rules": made, "fence": shown["fence"]}).json() == shown
    assert in_force(ana) == []
    acts = new_browser("ida").get("/audit?act=remove-rule").json()["items"]
    assert sorted((one["by"], one["subject"]) for one in acts) == sorted(("person:ana", f"rule:{one}") for one in made)
    assert ana.post("/rules/remove", {"rules": made}).json()["count"] == 0, "they are removed already"
    assert ana.post("/rules/restore", {"rules": made}).json() == {"count": 2}
    assert in_force(ana) == sorted(made)


def test_what_has_changed_since_the_preview_is_shown_again(ana: Browser, new_browser: NewBrowser) -> None:
    one, other = make(ana, BLOCK, ALLOW)
    fence = ana.post("/rules/remove", {"rules": [one, other], "dry_run": True}).json()["fence"]
    assert new_browser("ida").request("PATCH", f"/rules/{one}", json={"note": "still junk"}).status_code == 200
    refused = ana.post("/rules/remove", {"rules": [one, other], "fence": fence})
    assert (refused.status_code, refused.json()["detail"]) == (
        412,
        "some of these rules were changed or removed in the meantime: review them again",
    )
    assert in_force(ana) == sorted([one, other])


@pytest.mark.parametrize("dry_run", [True, False])
def test_all_or_none(ana: Browser, came: Came, new_browser: NewBrowser, dry_run: bool) -> None:
    mine = make(ana, BLOCK | {"scope": "department:legal"}, ALLOW)
    ben = new_browser("ben")
    assert ben.post("/rules/remove", {"rules": mine, "dry_run": dry_run}).status_code == 403
    assert ana.post("/rules/remove", {"rules": [*mine, GONE], "dry_run": dry_run}).status_code == 404
    assert ana.post("/rules/remove", {"rules": [], "dry_run": dry_run}).status_code == 422
    assert in_force(ana) == sorted(mine)


def test_late_copies_of_a_removal_stay_with_their_decision(ana: Browser, came: Came) -> None:
    came("it+joe.fern@company.example", author="x@bad.example")
    assert ana.post("/decisions", {"verb": "purge", "select": {"sender": "x@bad.example"}}).status_code == 201
    standing = [one["id"] for one in ana.get("/rules").json()["items"] if one["origin"] == "standing"]
    (mine,) = make(ana, BLOCK)
    refused = ana.post("/rules/remove", {"rules": [*standing, mine]})
    assert standing
    assert (refused.status_code, mine in in_force(ana)) == (409, True)
