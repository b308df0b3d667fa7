"""Contract of the API: each operation keeps to the OpenAPI document. schemathesis asks, always the same questions."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from anyio.from_thread import start_blocking_portal
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase
from schemathesis.specs.openapi import checks
from sqlalchemy import Engine

from tests.effort import examples
from tests.triage.arriving import arrive
from tests.triage_api.conftest import ORIGIN, Browser, opened, session_key, token_key
from triage.actor import Grant
from triage.config.settings import Settings
from triage.store.db import transaction
from triage_api.schemas.fields import ID_PATTERN

EXAMPLES = examples(2)  # of each operation
ENDLESS = {"/api/v1/events"}
CHECKS: list[Any] = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture
def company(settings: Settings, sqlite_engine: Engine) -> Iterator[FastAPI]:
    """The app of a company with some mail."""
    with opened(settings, sqlite_engine) as app:
        with transaction(sqlite_engine) as session:
            for number in range(3):
                arrive(session, settings, "it+joe.fern@company.example", author=f"sender{number}@a.example", subject=f"Number {number}")
        yield app


def test_every_operation_keeps_to_the_document(company: FastAPI, sqlite_engine: Engine) -> None:
    key = token_key(sqlite_engine, *Grant)
    token = {"Authorization": f"Bearer {key}"}
    company.state.office.pace.per_minute = 0

    def signed_in() -> dict[str, str]:
        return {"Origin": ORIGIN, "Cookie": f"mailroom={session_key(sqlite_engine, 'ida')}"}

    asked, faults, real = 0, [], things(company, key)
    for found in schemathesis.openapi.from_asgi("/api/openapi.json", company).get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]
        if operation.path in ENDLESS:
            continue
        asked += 1
        peoples = not any("token" in one for one in operation.definition.raw.get("security", ()))
        try:
            asks(operation, signed_in if peoples else lambda: token, real)
        except BaseExceptionGroup as faulty:
            faults.append(f"{operation.label}: {faulty.exceptions}")
    assert faults == []
    assert asked > 50


def things(app: FastAPI, key: str) -> dict[str, str]:
    """Existing values for each parameter of a path."""
    with start_blocking_portal() as portal:
        program = Browser(portal, app, "192.0.2.9").with_token(key)
        first, second, _ = program.get("/deliveries").json()["items"]
        order = {"verb": "purge", "select": {"ids": [first["id"]]}, "rule": {"effect": "block", "match": "address", "scope": "company"}}
        decision = program.post("/decisions", order).json()
        program.close()
    about = {"delivery_id": second["id"], "message_id": second["message_id"], "decision_id": decision["id"]}
    return about | {"rule_id": decision["rules"][0]["id"], "number": "1"}


def asks(operation: Any, headers: Callable[[], dict[str, str]], real: dict[str, str]) -> None:
    """Ask one operation EXAMPLES times, about what is `real`; the answers keep to the document, or it fails."""

    @hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        for name, value in case.path_parameters.items():
            if re.fullmatch(ID_PATTERN, str(value)):  # else it would never be about anything
                case.path_parameters[name] = real.get(name, value)
        case.call_and_validate(headers=headers(), checks=CHECKS)

    ask()
