"""Sentences of ours: finished English text that remembers its message id and parameters, so that it can be shown in another language."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Self

GAP = re.compile(r"\{(\w+)\}")
JOIN, DAY, MINUTE, AGO, CLOCK = "@join", "@day", "@minute", "@ago", "@clock"  # ids of what a language formats, in place of a sentence
UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
DECIMALS = 1  # digits of a fraction


class Said(str):
    """A finished English sentence with its message id and parameters.

    It is text wherever text is wanted. Parameters are numbers, sentences of ours, and text of others, which no language changes.
    """

    id: str
    params: Mapping[str, Any]

    def __new__(cls, text: str, id: str = "", params: Mapping[str, Any] | None = None) -> Self:
        """The finished text, and what it was made of."""
        self = super().__new__(cls, text)
        self.id, self.params = id, params or {}
        return self

    def __getnewargs__(self) -> tuple[Any, ...]:
        return str(self), self.id, self.params


def mark(message: str) -> str:
    """A message id that is said elsewhere, with `say(…)`: so that it is found for the catalogues."""
    return message


def say(message: str, /, **params: Any) -> Said:
    """A sentence of ours. `message`: English with gaps, "Released by {name}."; it is the id in the catalogues.

    `params`: numbers, sentences of ours, errors that carry one, and text of others, which no language changes.
    """
    if not params:
        return Said(message, message)
    values = {name: value_of(value) for name, value in params.items()}
    return Said(fill_message(message, values), message, values)


def say_count(one: str, many: str, /, *, count: int, **params: Any) -> Said:
    """A sentence that counts something: its form for one, and for any other `count`."""
    values = {name: value_of(value) for name, value in params.items()} | {"count": count}
    return Said(fill_message(one if count == 1 else many, values), one, values)


def clean_params(text: str, clean: Callable[[str], str]) -> str:
    """A sentence with what others wrote in it cleaned by `clean`; of other text the text itself."""
    if not isinstance(text, Said):
        return clean(text)
    return Said(
        clean(text), text.id, {name: clean_params(value, clean) if isinstance(value, str) else value for name, value in text.params.items()}
    )


def error_sentence(error: BaseException) -> str:
    """The sentence that an error carries, with its message id."""
    return error.args[0] if error.args and isinstance(error.args[0], Said) else str(error)


def value_of(value: Any) -> Any:
    """A parameter as it is kept: a number, or text."""
    if isinstance(value, Said | float) or value.__class__ in (int, str):
        return value
    return error_sentence(value) if isinstance(value, BaseException) else str(value)


def as_sentence(words: str) -> str:
    """Makes a sentence of words, unless an address or a host begins them: with a capital, and a full stop where none is."""
    named = re.match(r"\S*[@.]\S", words)
    return (words if named else words[:1].upper() + words[1:]) + ("" if not words or words[-1] in ".!?" else ".")


def join_parts(between: str, parts: Iterable[str]) -> Said:
    """Sentences of ours, or names, one after the other; punctuation only stands between them."""
    kept = [part for part in parts if part]
    return Said(between.join(kept), JOIN, {"between": between, "parts": kept})


def list_with_and(parts: Iterable[str]) -> str:
    """Joins parts to a list within a sentence: "a, b and c"."""
    *first, last = list(parts)
    return say("{first} and {last}", first=join_parts(", ", first), last=last) if first else last


def list_with_or(parts: Iterable[str]) -> str:
    """A choice of things within a sentence: "a, b or c"."""
    *first, last = list(parts)
    return say("{first} or {last}", first=join_parts(", ", first), last=last) if first else last


def quote_text(text: object) -> str:
    """Text of others in quotation marks, as each language writes them. Characters that cannot be printed are escaped."""
    return say("“{text}”", text="".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in str(text)))


def format_day(when: date, *, year: bool = True) -> Said:
    """A day: "24 Nov 2026". Without its year where that is clear."""
    return Said(f"{when:%d %b %Y}" if year else f"{when:%d %b}", DAY, {"at": f"{when:%Y-%m-%d}", "year": year})


def format_minute(when: datetime, *, year: bool = True) -> Said:
    """A moment to the minute, in the zone that it is in: "24 Nov 2026, 09:30"."""
    text = f"{when:%d %b %Y, %H:%M}" if year else f"{when:%d %b %H:%M}"
    return Said(text, MINUTE, {"at": f"{when:%Y-%m-%dT%H:%M}", "year": year})


def format_clock(when: datetime) -> Said:
    """A time of the day: "09:30"."""
    return Said(f"{when:%H:%M}", CLOCK, {"at": f"{when:%H:%M}"})


def format_span(span: timedelta) -> Said:
    """Formats how long ago something was: "4 seconds ago"."""
    seconds = max(0, round(span.total_seconds()))
    unit, size = next((one for one in UNITS if seconds >= one[1]), UNITS[-1])
    number = seconds // size
    return Said(f"{number} {unit}{'' if number == 1 else 's'} ago", AGO, {"number": number, "unit": unit})


def fill_message(message: str, params: Mapping[str, Any]) -> str:
    """A message with its parameters, in one pass: what a parameter says is never a gap."""
    return GAP.sub(lambda gap: format_parameter(params[gap[1]]), message)


def format_parameter(value: Any) -> str:
    """A parameter in English."""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{round_fraction(value):,.{DECIMALS}f}".removesuffix(".0") if isinstance(value, float) else str(value)


def round_fraction(value: float) -> float:
    """A fraction as it is shown, never -0."""
    return round(value, DECIMALS) + 0.0


def form_of(text: str) -> dict[str, Any] | None:
    """Returns the template and parameters of a sentence, as plain JSON values stored beside its text; None: nobody but its writer knows."""
    return (
        {"id": text.id, "params": {name: dump_parameter(value) for name, value in text.params.items()}} if isinstance(text, Said) else None
    )


def id_of(text: str) -> str:
    """The message id of a sentence of ours, "" of other text."""
    return text.id if isinstance(text, Said) else ""


def forms_of(**sentences: str) -> dict[str, Any] | None:
    """The forms of several sentences by the names of their columns; None where none has one."""
    return {name: dump_parameter(text) for name, text in sentences.items() if isinstance(text, Said)} or None


def dump_parameter(value: Any) -> Any:
    """A parameter as plain JSON values: a sentence in it is a pair of its text and its form."""
    if isinstance(value, list | tuple):
        return [dump_parameter(one) for one in value]
    return {"text": str(value), **form} if isinstance(value, str) and (form := form_of(value)) else value


def form_with_text(text: str) -> dict[str, Any] | None:
    """The form of a sentence with its finished text, for a column whose text may be changed alone later; None of text of others."""
    return dump_parameter(text) if isinstance(text, Said) else None


def load_sentence(text: str, form: Mapping[str, Any] | None) -> str:
    """A stored text, as a sentence of ours where its form is beside it."""
    if not form:
        return text
    return Said(text, form["id"], {name: load_parameter(value) for name, value in form["params"].items()})


def load_parameter(value: Any) -> Any:
    """A parameter from its plain JSON values."""
    if isinstance(value, list):
        return [load_parameter(one) for one in value]
    return load_sentence(value["text"], value) if isinstance(value, dict) else value


def from_row(row: Any, column: str) -> str:
    """A sentence of a row that has `forms`; one that was changed since then without its form has none."""
    return with_its_form(getattr(row, column), (row.forms or {}).get(column))


def with_its_form(text: str, form: Mapping[str, Any] | None) -> str:
    """A stored text with its form, if that is the form of this text (`form_with_text`)."""
    return load_sentence(text, form if form and form["text"] == text else None)
