"""Holder of what an API process needs for its requests: each pool once, and nothing after the end."""

import pytest

from triage.config.settings import Settings
from triage_api.http.dependencies import Office


def test_after_the_end_no_child_is_started(api_settings: Settings) -> None:
    office = Office(api_settings, pipes=())
    office.close()
    for pool in (office.previews, office.attachments, office.drawings):
        with pytest.raises(RuntimeError):
            pool.run(b"")
    office.close()
