"""The console's files: which are served, how long browsers may keep them, under which policy."""

import gzip
import re
from pathlib import Path

import pytest
from fastapi import FastAPI

from tests.triage_api.conftest import Browser
from triage_api.routes.operations.static_files import CSP, Console

INDEX = "<!doctype html><title>Mailroom</title>"


@pytest.fixture
def dist(tmp_path: Path, sqlite_ana: Browser) -> Path:
    """A built console."""
    built = tmp_path / "dist"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text(INDEX)
    (built / "icon.svg").write_text("<svg/>")
    (built / ".hidden").write_text("no")
    (built / "assets" / "index-Bx8_q2-1.js").write_text("1")
    (built / "assets" / "face.woff2").write_bytes(b"f")
    (tmp_path / "secret.txt").write_text("no")
    console: FastAPI = sqlite_ana.app
    console.router.default = Console(built)
    return built


# path, status, how long it is kept, its type
FILES = [
    ("//", 200, "no-store", "text/html; charset=utf-8"),
    ("//index.html", 200, "no-store", "text/html; charset=utf-8"),
    ("//search", 200, "no-store", "text/html; charset=utf-8"),
    ("//people/joe.fern", 200, "no-store", "text/html; charset=utf-8"),
    ("//senders/someone@dell.example", 200, "no-store", "text/html; charset=utf-8"),
    ("//assets/index-Bx8_q2-1.js", 200, "public, max-age=31536000, immutable", "text/javascript; charset=utf-8"),
    ("//assets/face.woff2", 200, "no-cache", "font/woff2"),
    ("//icon.svg", 200, "no-cache", "image/svg+xml"),
    ("//assets/old-12345678.js", 404, "no-store", "application/problem+json"),
    ("//.hidden", 404, "no-store", "application/problem+json"),
    ("//../secret.txt", 404, "no-store", "application/problem+json"),
    ("//assets/..%2f..%2fsecret.txt", 404, "no-store", "application/problem+json"),
    ("//%2e%2e/secret.txt", 404, "no-store", "application/problem+json"),
    ("//a%00b", 200, "no-store", "text/html; charset=utf-8"),
    ("//api", 404, "no-store", "application/problem+json"),
    ("//api/v2/me", 404, "no-store", "application/problem+json"),
]


def test_files(sqlite_ana: Browser, dist: Path) -> None:
    for path, status, kept, kind in FILES:
        answer = sqlite_ana.get(path)
        assert (path, answer.status_code, answer.headers["cache-control"], answer.headers["content-type"]) == (path, status, kept, kind)
        assert "no" not in answer.text.split()
        if status == 200:
            assert answer.headers["content-security-policy"] == CSP
            assert answer.headers["x-content-type-options"] == "nosniff"


TAKES = [("gzip, deflate, br", True), ("br;q=1.0, gzip;q=0.8", True), ("gzip;q=0, br", False), ("identity", False), ("", False)]


def test_a_compressed_twin_goes_to_those_who_take_it(sqlite_ana: Browser, dist: Path) -> None:
    (dist / "assets" / "index-Bx8_q2-1.js.gz").write_bytes(gzip.compress(b"1"))
    for takes, compressed in TAKES:
        answer = sqlite_ana.get("//assets/index-Bx8_q2-1.js", headers={"accept-encoding": takes})
        assert (answer.text, answer.headers["vary"]) == ("1", "accept-encoding")
        assert ("content-encoding" in answer.headers, answer.headers["content-type"]) == (compressed, "text/javascript; charset=utf-8")


def test_a_file_that_may_change_is_sent_once(sqlite_ana: Browser, dist: Path) -> None:
    first = sqlite_ana.get("//icon.svg")
    again = sqlite_ana.get("//icon.svg", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["cache-control"]) == (304, b"", "no-cache")
    assert again.headers["content-security-policy"] == CSP
    (dist / "icon.svg").write_text("<svg></svg>")
    assert sqlite_ana.get("//icon.svg", headers={"if-none-match": first.headers["etag"]}).status_code == 200
    assert "etag" not in sqlite_ana.get("//search").headers  # the page is kept nowhere


def test_the_policy_lets_nothing_in() -> None:
    rules = dict(rule.split(" ", 1) for rule in CSP.split("; "))
    assert rules["default-src"] == "'none'"
    assert {rules[name] for name in rules if name.endswith("-src") and name != "default-src"} == {"'self'"}
    assert not re.search(r"unsafe|\*|https?:|data:|blob:", CSP)
    assert (rules["frame-ancestors"], rules["require-trusted-types-for"]) == ("'none'", "'script'")


def test_only_reading_and_its_head(sqlite_ana: Browser, dist: Path) -> None:
    head = sqlite_ana.request("HEAD", "//search")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(INDEX)))
    assert sqlite_ana.request("PUT", "//search").status_code == 405


def test_a_console_that_is_not_built_says_how(sqlite_ana: Browser, tmp_path: Path) -> None:
    sqlite_ana.app.router.default = Console(tmp_path / "nothing")
    answer = sqlite_ana.get("//")
    assert (answer.status_code, answer.text) == (503, "The console is not built: run `make console`.\n")


def test_the_console_needs_no_session(sqlite_ana: Browser, dist: Path) -> None:
    sqlite_ana.client.cookies.clear()
    assert sqlite_ana.get("//").text == INDEX
