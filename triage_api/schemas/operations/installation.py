"""Installation: findings about it, and the settings in force."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from triage_api.schemas.fields import Shape


class Finding(Shape):
    """Result of a check."""

    level: Annotated[Literal["ok", "warn", "fail"], Field(description="warn: it works now, but will fail later; fail: it does not work")]
    what: Annotated[str, Field(description="what was checked")]
    found: Annotated[str, Field(description="what was found, in English")]
    do: Annotated[str, Field(description="what to do, in English; empty if ok")]


class Findings(Shape):
    """Findings of the checks that the api role may run: none that needs the network or another role's secrets."""

    at: Annotated[datetime, Field(description="when the checks ran, at most a minute ago")]
    items: list[Finding]
    next_cursor: None = None


class SettingInForce(Shape):
    """A setting that this process uses."""

    section: str
    key: str
    value: Annotated[str | None, Field(description="as text, passwords in URLs replaced; null: a secret that is set")]
    source: Annotated[Literal["default", "file", "credential", "environment"], Field(description="where the value comes from")]
    meaning: Annotated[str, Field(description="what the setting is for, in the language of the request")]


class SettingsInForce(Shape):
    """Settings that this process has used since its start."""

    file: Annotated[str, Field(description="the settings file; empty without one")]
    items: list[SettingInForce]
    next_cursor: None = None
