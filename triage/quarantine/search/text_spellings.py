"""Folded text looked for in columns where it is written as the sender wrote it."""

import re
from typing import Any

from sqlalchemy import ColumnElement, func, or_

INITIAL = re.compile(r"\b\w")


def column_holds(column: Any, text: str) -> ColumnElement[bool]:
    """Whether a column holds this folded text, however it is written there."""
    return or_(*(func.lower(column).contains(one, autoescape=True) for one in sorted(text_spellings(text))))


def text_spellings(text: str) -> set[str]:
    """Returns the spellings of a folded text where only ASCII letters were lowered, as SQLite does, and PostgreSQL unless its locale
    knows others.
    """
    written = {text, text.replace("ss", "ß")}
    return {one for each in written for one in (each, replace_capitals(each), INITIAL.sub(lambda first: replace_capitals(first[0]), each))}


def replace_capitals(text: str) -> str:
    """Replaces letters outside ASCII by their capitals."""
    return "".join(one if one.isascii() or one == "ß" else one.upper() for one in text)
