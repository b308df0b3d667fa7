"""A person's data over HTTP: taken along as a zip, and erased."""

import io
import json
import zipfile

from fastapi import FastAPI

from tests.triage_api.conftest import Came, NewBrowser
from triage import ids
from triage.compliance.privacy import person_erasure
from triage.store import db
from triage.times import utcnow

ANNA, JOE = "anna@dell.example", "joe.fern@company.example"


def test_a_zip_is_taken_along_and_that_is_on_the_record(new_browser: NewBrowser, came: Came) -> None:
    ida = new_browser("ida")
    came(JOE, author=ANNA)
    taken = ida.post("/person-data/export", {"address": ANNA, "reason": "she asked"})
    assert (taken.status_code, taken.headers["content-type"]) == (200, "application/zip")
    archive = zipfile.ZipFile(io.BytesIO(taken.content))
    assert json.loads(archive.read("about.json"))["deliveries"] == 1
    assert len([name for name in archive.namelist() if name.startswith("messages/")]) == 1
    (act,) = [one for one in ida.get("/audit").json()["items"] if one["act"] == "export-person-data"]
    assert ANNA not in json.dumps(act)
    assert new_browser("otto").post("/person-data/export", {"address": ANNA}).status_code == 403
    assert ida.post("/person-data/export", {"address": "no address"}).json()["field"] == "address"


def test_an_erasure_is_looked_at_begun_and_followed(app: FastAPI, new_browser: NewBrowser, came: Came) -> None:
    ida = new_browser("ida")
    came(JOE, author=ANNA)
    found = ida.post("/person-data/preview", {"address": ANNA}).json()
    assert found == {"kind": "outside", "deliveries": 1, "under_way": 0, "kept": 0}
    begun = ida.post("/person-data/erasures", {"address": ANNA, "reason": "case 12"})
    assert (begun.status_code, begun.json()["address"], begun.json()["done_at"]) == (201, ANNA, None)
    number = ids.parse_id(begun.json()["id"])
    with db.transaction(app.state.office.engine) as session:
        while person_erasure.carry_on(session, number, now=utcnow()):
            pass
    (done,) = new_browser("otto").get("/person-data/erasures").json()["items"]
    assert (done["address"], done["deliveries"], done["contents"]) == ("", 1, 1)
    assert ida.get(f"/person-data/erasures/{begun.json()['id']}").json() == done
    assert ida.post("/person-data/erasures", {"address": "mara.berg", "reason": "x"}).status_code == 409
