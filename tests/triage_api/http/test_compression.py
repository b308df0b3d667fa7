"""Answers to GET are compressed where the client takes that; no secret stands in one, and nothing else is compressed."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.triage_api.conftest import Browser, Came
from triage_api.http.compression import FENCED, SMALLEST, takes_gzip

JOE = "it+joe.fern@company.example"
SECRET = re.compile(r"fence|token|secret|challenge|csrf|nonce")
DOCUMENT = json.loads((Path(__file__).parents[3] / "docs" / "openapi.json").read_text())


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [
        ("gzip", True),
        ("gzip, deflate, br, zstd", True),
        ("br;q=1.0, gzip;q=0.8", True),
        ("gzip;q=0", False),
        ("gzip;q=0.0", False),
        ("xgzip", False),
        ("br", False),
        ("", False),
    ],
)
def test_who_takes_gzip(accepted: str, taken: bool) -> None:
    assert takes_gzip(accepted) is taken


def test_a_long_list_is_compressed_for_who_takes_it(ana: Browser, came: Came) -> None:
    for number in range(8):
        came(JOE, author=f"{number}@supplier.example")
    plain = ana.get("/deliveries", headers={"Accept-Encoding": "identity"})
    packed = ana.get("/deliveries", headers={"Accept-Encoding": "gzip"})
    assert ("content-encoding" in plain.headers, packed.headers["content-encoding"]) == (False, "gzip")
    assert packed.json() == plain.json()
    assert all("Accept-Encoding" in one.headers["vary"] for one in (plain, packed))
    assert int(packed.headers["content-length"]) * 3 < int(plain.headers["content-length"])
    for known in (packed.headers["etag"], plain.headers["etag"]):
        assert ana.get("/deliveries", headers={"Accept-Encoding": "gzip", "If-None-Match": known}).status_code == 304


def test_short_answers_and_answers_to_acts_are_not(ana: Browser, came: Came) -> None:
    ids = [came(JOE, author=f"{number}@supplier.example")[0] for number in range(8)]
    assert "content-encoding" not in ana.get("/deliveries", params={"limit": 0}, headers={"Accept-Encoding": "gzip"}).headers
    preview = ana.post("/selections/preview", {"select": {"ids": ids}, "verb": "release"}, headers={"Accept-Encoding": "gzip"})
    assert (preview.status_code, len(preview.content) > SMALLEST, "content-encoding" in preview.headers) == (200, True, False)


def names_in(schema: dict[str, Any], seen: set[str]) -> Iterator[str]:
    """Field names of a schema and of all schemas that it refers to."""
    if reference := schema.get("$ref", "").rpartition("/")[2]:
        if reference not in seen:
            seen.add(reference)
            yield from names_in(DOCUMENT["components"]["schemas"][reference], seen)
        return
    parts = [*schema.get("properties", {}).values(), *(one for kind in ("anyOf", "oneOf", "allOf") for one in schema.get(kind, []))]
    parts += [schema[kind] for kind in ("items", "additionalProperties") if isinstance(schema.get(kind), dict)]
    yield from schema.get("properties", {})
    for part in parts:
        yield from names_in(part, seen)


def test_no_answer_to_get_has_a_secret() -> None:
    operations = {path: one["get"]["responses"].get("200", {}) for path, one in DOCUMENT["paths"].items() if "get" in one}
    schemas = {path: [content.get("schema", {}) for content in one.get("content", {}).values()] for path, one in operations.items()}
    named = {path: {name for schema in found for name in names_in(schema, set())} for path, found in schemas.items()}
    assert sum(map(bool, named.values())) > 50
    guilty = {path for path, names in named.items() if any(map(SECRET.search, names))}
    assert {path for path in guilty if not FENCED.search(path)} == set()
    assert guilty
