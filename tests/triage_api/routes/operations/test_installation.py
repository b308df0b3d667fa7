"""Health and settings for administrators: whose they are, that no secret is among them, and that a minute has one examination."""

from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI

from tests.triage_api.conftest import NewBrowser
from triage.config.settings import Settings
from triage_api.http.installation import KEPT, Installation
from triage_cli.doctor.doctor_command import CHECKS
from triage_cli.doctor.finding import FAIL, OK, Finding
from triage_cli.doctor.local_report import LOCAL_CHECKS, examine_locally
from triage_cli.services.api_role import describe_installation

TOKEN = "a-secret-of-the-edge"
PATHS = ("/installation/findings", "/installation/settings")


@pytest.mark.parametrize(("login", "status"), [("ida", 200), ("ana", 403), ("ben", 403), ("otto", 403), ("leo", 403)])
def test_they_are_for_administrators_of_the_whole_company(new_browser: NewBrowser, login: str, status: int) -> None:
    browser = new_browser(login)
    assert [browser.get(path).status_code for path in PATHS] == [status, status]


def test_the_findings_are_those_of_the_doctor(
    app: FastAPI, new_browser: NewBrowser, api_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # where there is no settings file
    app.state.office.installation = describe_installation(api_settings, None)
    answer = new_browser("ida").get(PATHS[0]).json()
    found = {(one["what"], one["level"]) for one in answer["items"]}
    assert found == {(one.what, one.level) for one in examine_locally(api_settings)}
    assert {"database", "spool", "staff"} <= {what for what, _ in found}
    assert all(one["do"] for one in answer["items"] if one["level"] != OK)
    assert set(LOCAL_CHECKS) < set(CHECKS)


def test_settings_say_where_they_come_from_and_no_secret(
    app: FastAPI, new_browser: NewBrowser, api_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file, credentials = tmp_path / "mailroom.toml", tmp_path / "credentials"
    file.write_text('[company]\ndomains = ["company.example"]\nhostname = "mx.company.example"\n[smtp]\nedge_token = "of the file"\n')
    credentials.mkdir()
    (credentials / "database.url").write_text(api_settings.database.url)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    monkeypatch.setenv("MAILROOM_API__PREVIEWS", "false")
    guarded = replace(api_settings, smtp=replace(api_settings.smtp, edge_token=TOKEN))
    app.state.office.installation = describe_installation(guarded, str(file))
    answer = new_browser("ida").get(PATHS[1])
    rows = {f"{one['section']}.{one['key']}": (one["value"], one["source"]) for one in answer.json()["items"]}
    assert rows["company.domains"] == (", ".join(api_settings.company.domains), "file")
    assert rows["api.previews"][1] == "environment"
    assert rows["relay.token_command"] == ("", "default")
    assert rows["smtp.edge_token"] == (None, "file")
    assert rows["database.url"] == (None, "credential")
    assert TOKEN not in answer.text
    assert answer.json()["file"] == str(file)


def test_the_reader_gets_what_a_setting_is_for_in_their_language(
    app: FastAPI, new_browser: NewBrowser, api_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    app.state.office.installation = describe_installation(api_settings, None)
    browser = new_browser("ida")
    meant = {
        language: {one["key"]: one["meaning"] for one in browser.get(PATHS[1], headers={"Accept-Language": language}).json()["items"]}
        for language in ("en", "de")
    }
    assert meant["en"]["max_recipients"] == "Most recipients of one message."
    assert meant["de"]["max_recipients"] == "Höchstzahl der Empfänger einer Nachricht."
    assert [key for key, text in meant["en"].items() if meant["de"][key] == text] == []


def test_a_minute_has_one_examination() -> None:
    seen = iter(range(9))
    installation = Installation(lambda: [Finding(FAIL, "disk", str(next(seen)), "make room")])
    first = installation.examination(lambda: 0.0)
    assert installation.examination(lambda: KEPT) is first
    later = installation.examination(lambda: KEPT + 1)
    assert [one.found for one in later.items if isinstance(one, Finding)] == ["1"]
