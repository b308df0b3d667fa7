"""The published API document is kept to: what would break a client fails here."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.triage_api import typescript
from tests.triage_api.published import PUBLISHED, breaking, present

Document = dict[str, Any]


@pytest.fixture(scope="module")
def published() -> Document:
    """docs/openapi.json."""
    document: Document = json.loads(PUBLISHED.read_text("utf-8"))
    return document


def test_this_program_keeps_what_was_published(published: Document) -> None:
    """New parts may be missing there: `python -m tests.triage_api.published` adds them before a release."""
    assert breaking(published, present()) == []


def test_the_types_of_the_console_are_those_of_the_api() -> None:
    assert typescript.TYPES.read_text("utf-8") == typescript.write_types(present()), "`make reference` writes them"


def test_types_are_written_as_typescript_has_them() -> None:
    schema = {
        "type": "object",
        "required": ["kind", "pairs"],
        "properties": {
            "kind": {"enum": ["a", "b"], "type": "string", "description": "which"},
            "pairs": {"type": "array", "items": {"anyOf": [{"$ref": "#/components/schemas/Pair"}, {"type": "null"}]}},
            "counts": {"type": "object", "propertyNames": {"enum": ["x"]}, "additionalProperties": {"type": "integer"}},
            "keys": {"type": "object", "patternProperties": {"^a": {"type": "string"}}},
            "other": {"type": "object", "additionalProperties": True},
            "only": {"const": 1},
        },
    }
    assert typescript.write_schema("Shape", schema, "readonly ") == (
        "export interface Shape {\n  /** which */\n  kind: 'a' | 'b'\n  pairs: readonly (Pair | null)[]\n"
        "  counts?: Partial<Record<'x', number>>\n  keys?: Record<string, string>\n  other?: Record<string, unknown>\n  only?: 1\n}"
    )
    with pytest.raises(KeyError):
        typescript.write_schema("Odd", {"type": "tuple"}, "")


def schemas(document: Document) -> Document:
    found: Document = document["components"]["schemas"]
    return found


CHANGES: list[tuple[Callable[[Document], Any], str]] = [
    (lambda new: new["paths"].pop("/api/v1/me"), "GET /api/v1/me is gone"),
    (lambda new: new["paths"]["/api/v1/triage"]["get"]["parameters"].pop(0), "GET /api/v1/triage: parameter group is gone"),
    (
        lambda new: new["paths"]["/api/v1/rules"]["get"]["parameters"][0].update(required=True),
        "GET /api/v1/rules: parameter q is required now",
    ),
    (lambda new: new["paths"]["/api/v1/rules"]["post"]["responses"].pop("202"), "POST /api/v1/rules: 202 is gone"),
    (lambda new: schemas(new)["Me"]["properties"].pop("name"), "GET /api/v1/me 200: name is gone"),
    (lambda new: schemas(new)["Me"]["required"].remove("name"), "GET /api/v1/me 200: name is no longer always there"),
    (lambda new: schemas(new)["RuleOrdered"]["required"].append("note"), "POST /api/v1/rules: note is required now"),
    (lambda new: schemas(new)["Credentials"]["properties"].pop("login"), "POST /api/v1/session: login is gone"),
    (
        lambda new: schemas(new)["Me"]["properties"]["undo_seconds"].update(type="string"),
        "GET /api/v1/me 200.undo_seconds: type was 'integer' and is 'string'",
    ),
    (lambda new: schemas(new)["Verb"]["enum"].remove("purge"), "POST /api/v1/decisions.verb: the values were"),
    (lambda new: schemas(new)["Role"]["enum"].append("guest"), "GET /api/v1/me 200.role: the values were"),
    (
        lambda new: schemas(new)["Me"]["properties"]["last_sign_in"].update(anyOf=[{"type": "string"}, {"type": "null"}]),
        "GET /api/v1/me 200.last_sign_in: it was one of",
    ),
]


@pytest.mark.parametrize(("change", "said"), CHANGES, ids=[said for _, said in CHANGES])
def test_what_breaks_a_client_is_found(published: Document, change: Callable[[Document], Any], said: str) -> None:
    new = copy.deepcopy(published)
    change(new)
    assert any(one.startswith(said) for one in breaking(published, new)), breaking(published, new)


def test_what_is_added_breaks_nobody(published: Document) -> None:
    new = copy.deepcopy(published)
    new["paths"]["/api/v1/new"] = new["paths"]["/api/v1/me"]
    schemas(new)["Me"]["properties"]["more"] = {"type": "string"}
    schemas(new)["AlongRule"]["properties"]["more"] = {"type": "string"}
    schemas(new)["Verb"]["enum"].append("praise")
    assert [one for one in breaking(published, new) if "verb" not in one] == []


def test_requests_show_examples_and_refusals_show_true_ones(published: Document) -> None:
    for path, operations in published["paths"].items():
        for method, operation in operations.items():
            bodies = (operation.get("requestBody") or {"content": {}})["content"]
            for schema in filter(None, [bodies.get("application/json")]):  # a form is as its standard says
                shown = schema["schema"]
                name = (shown.get("$ref") or shown["anyOf"][0]["$ref"]).rpartition("/")[2]
                assert schemas(published)[name].get("examples"), (method, path, name)
            for status, answer in operation["responses"].items():
                if status >= "400" and path.startswith("/api/"):
                    example = answer["content"]["application/problem+json"]["example"]
                    assert (example["status"], bool(example["detail"])) == (int(status), True)
