"""What `make run` starts: a company that can be looked at, with the printed sign-in and the printed first mail."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.peers import company, processes

pytestmark = pytest.mark.peers


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[str]:
    """What the demo prints, once the morning's mail is in."""
    ports = [
        "--smtp-port",
        str(processes.free_port()),
        "--http-port",
        str(processes.free_port()),
        "--outbound-port",
        str(processes.free_port()),
    ]
    log = tmp_path / "log"
    command = [sys.executable, "-m", "triage_cli", "demo", "--directory", str(tmp_path / "demo"), *ports]
    process = processes.start(command, log, environment=company.Company(tmp_path, "", "").environment)
    try:
        yield processes.until(lambda: printed(log), "the morning's mail is in", process, log)
    finally:
        processes.stop(process)


def printed(log: Path) -> str:
    """Everything said so far, when it is complete."""
    said = log.read_text("utf-8")
    return said if "morning's mail is in" in said else ""


def test_the_demo_is_a_company_with_a_morning_of_mail(demo: str, tmp_path: Path) -> None:
    console, login, password = re.search(r"Console +(\S+) +sign in as (\w+), password (\w+)", demo).groups()  # type: ignore[union-attr]
    with httpx.Client(base_url=f"{console}/api/v1", headers={"Origin": console}, timeout=processes.HANG) as client:
        assert client.post("/session", json={"login": login, "password": password}).status_code == 201

        def held() -> list[dict[str, str]]:
            items: list[dict[str, str]] = client.get("/deliveries", params={"state": "held", "limit": 200}).json()["items"]
            return items

        assert len(client.get("/departments").json()) == 6
        processes.until(lambda: len(held()) > 80, "most of the morning is held")
        processes.until(lambda: list((tmp_path / "demo" / "mailboxes").glob("*/new/*")), "what was allowed lies in a mailbox")
        line = re.search(r"A first mail +(.+)", demo)
        assert line is not None
        first = line[1].replace("python3", sys.executable, 1)
        subprocess.run(["bash", "-c", first], check=True, timeout=processes.HANG)
        processes.until(lambda: [one for one in held() if one["author"] == "you@stranger.example"], "the first mail is held")
        assert client.get(console).headers["content-type"].startswith("text/html")
