"""Modules in which commands without a running API find the routes of a resource."""

import json

import pytest

from tests.triage_api.published import PUBLISHED
from triage_api.http.token_scopes import API, is_peoples, path_resource
from triage_cli.client.local_client import FOLDERS, ROOMS

PATHS = [path.removeprefix(API) for path in json.loads(PUBLISHED.read_text())["paths"] if path.startswith(API)]
RESOURCES = sorted({path_resource(path) for path in PATHS if not is_peoples(path)})


@pytest.mark.parametrize("name", RESOURCES)
def test_a_command_finds_the_module_of_each_resource(name: str) -> None:
    assert set(ROOMS.get(name, (name.replace("-", "_"),))) <= FOLDERS.keys()


def test_every_exception_is_of_a_resource_that_exists() -> None:
    assert ROOMS.keys() <= {*RESOURCES}
