"""Values as plain JSON values: what dataclasses.asdict gives, in a fraction of its time, since it does not copy the leaves."""

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

from triage.say import Said, form_of, load_sentence

Value = TypeVar("Value")
FORM = "form"  # beside the one sentence of a value: its message id and parameters


def as_dict(value: Any) -> dict[str, Any]:
    """The fields of a dataclass, and in them those of others, as plain values."""
    values = {name: getattr(value, name) for name in names_of(value.__class__)}
    form = next(filter(None, map(form_of, values.values())), None)
    return {name: str(one) if isinstance(one, Said) else plain_value(one) for name, one in values.items()} | ({FORM: form} if form else {})


def read_value(kind: type[Value], values: Mapping[str, Any], sentence: str) -> Value:
    """A value of these plain ones; `sentence`: the field that may have a form beside it."""
    return kind(
        **{name: one for name, one in values.items() if name != FORM} | {sentence: load_sentence(values[sentence], values.get(FORM))}
    )


def plain_value(value: Any) -> Any:
    """A value with every dataclass in it as a dict."""
    kind = value.__class__
    if kind is str or not value:
        return value
    if kind is tuple or kind is list:
        return kind(map(plain_value, value))
    if kind is dict:
        return {key: plain_value(one) for key, one in value.items()}
    return as_dict(value) if names_of(kind) else value


@cache
def names_of(kind: type) -> tuple[str, ...]:
    """The names of the fields of a dataclass, () of anything else."""
    return tuple(field.name for field in fields(kind)) if hasattr(kind, "__dataclass_fields__") else ()
