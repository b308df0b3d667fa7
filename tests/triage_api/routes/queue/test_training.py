"""Practising over HTTP: training messages without their answers, a harmless view, an answer, scores."""

import pytest

from demo.training_messages import read_deck
from tests.triage_api.conftest import Browser, Came, NewBrowser
from triage_api.schemas.vocabulary import TRAINING_ANSWERS


@pytest.fixture(autouse=True)
def dealt(ana: Browser) -> None:
    """The generated messages, as the api role has them."""
    ana.app.state.office.deck = read_deck


def test_a_hand_tells_no_answer_and_an_answer_tells_all(ana: Browser, new_browser: NewBrowser) -> None:
    hand = ana.get("/training/messages?limit=20").json()["items"]
    assert len(hand) == 20
    assert set(hand[0]) == {
        *("id", "author_name", "author", "recipient", "subject", "written", "proof", "reply_to", "attachments", "links"),
    }
    case = hand[0]["id"]
    view = ana.get(f"/training/messages/{case}/view")
    assert (view.status_code, view.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "sandbox" in view.headers["content-security-policy"]
    right = next(one for one in read_deck() if one.case == case)
    told = ana.post("/training/answers", {"message": case, "answer": TRAINING_ANSWERS[right.answer]})
    assert (told.status_code, told.json()) == (
        201,
        {"right": True, "answer": TRAINING_ANSWERS[right.answer], "clues": list(right.clues), "counted": True},
    )
    assert case not in {one["id"] for one in ana.get("/training/messages?limit=50").json()["items"]}
    (score,) = ana.get("/training/scores").json()["items"]
    assert (score["login"], score["answered"], score["right"]) == ("ana", 1, 1)
    assert new_browser("ben").get("/training/scores").json()["items"] == []
    assert [one["login"] for one in new_browser("ida").get("/training/scores").json()["items"]] == ["ana"]
    assert new_browser("leo").get("/training/scores").json()["items"] == []  # administers a department only


def test_past_mail_stays_in_its_scope(ana: Browser, ben: Browser, new_browser: NewBrowser, came: Came) -> None:
    (joe,) = came("it+joe.fern@company.example", subject="Decided")
    ana.post("/decisions", {"verb": "purge", "reason": "spam", "select": {"ids": [joe]}})
    assert "Decided" in {one["subject"][:7] for one in ana.get("/training/messages?limit=50").json()["items"]}
    assert ana.get(f"/training/messages/{joe}/view").status_code == 200
    for _ in range(2):
        assert ana.post(f"/training/messages/{joe}/viewed").status_code == 204
    acts = [(one["by"], one["act"]) for one in new_browser("otto").get("/audit").json()["items"]]
    assert acts[1:3] == [("person:ana", "viewed"), ("person:ana", "fetch")]
    told = ana.post("/training/answers", {"message": joe, "answer": "release"}).json()
    assert (told["right"], told["answer"], told["clues"][-1].startswith("Ana Roth removed it on ")) == (False, "remove", True)
    assert ana.get(f"/deliveries/{joe}").json()["state"] == "purged"
    assert ben.get(f"/training/messages/{joe}/view").status_code == 404
    assert ben.post(f"/training/messages/{joe}/viewed").status_code == 404
    assert ben.post("/training/answers", {"message": joe, "answer": "release"}).status_code == 404


def test_bad_input(ana: Browser) -> None:
    assert ana.post("/training/answers", {"message": "made-1", "answer": "maybe"}).status_code == 422
    assert ana.get("/training/messages?limit=0").status_code == 422
    assert ana.get("/training/messages/nonsense/view").status_code == 404
