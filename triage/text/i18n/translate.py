"""Shows sentences of ours in another language, by message id and parameters, from a gettext catalogue. Text of others stays as it is."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from triage.say import AGO, CLOCK, DAY, GAP, JOIN, MINUTE, Said, round_fraction
from triage.text.i18n import ENGLISH

Forms = tuple[str, ...]  # of a message: one, or one for each plural form of the language
FAR = 8192  # of "ago": no unit is ever rounded to the next one


def translate_sentence(text: str, language: str) -> str:
    """A sentence of ours in this language. As it is when nobody knows its id, or the catalogue lacks it."""
    if not isinstance(text, Said) or language == ENGLISH:
        return str(text)
    if say_so := FORMATS.get(text.id):
        return say_so(text.params, language)
    forms = read_catalogue(language).get(text.id)
    return fill_translation(forms, text.params, language) if forms else str(text)


def translate_template(text: str, language: str) -> str:
    """A text of ours that stands in the settings, with its gaps still to be filled in: `mark` names it for the catalogues."""
    return text if language == ENGLISH else read_catalogue(language).get(text, (text,))[0]


def fill_translation(forms: Forms, params: Mapping[str, Any], language: str) -> str:
    """A translation with its parameters, in one pass."""
    form = forms[plural_form(params["count"], language)] if len(forms) > 1 else forms[0]
    return GAP.sub(lambda gap: write_parameter(params[gap[1]], language), form)


def write_parameter(value: Any, language: str) -> str:
    """A parameter as the language writes it."""
    if isinstance(value, str):
        return translate_sentence(value, language)
    from babel.numbers import format_decimal  # here and below: only who needs it waits for it

    return format_decimal(round_fraction(value) if isinstance(value, float) else value, "#,##0.#", locale=language)


def join_translations(params: Mapping[str, Any], language: str) -> str:
    """Sentences one after the other."""
    return str(params["between"]).join(translate_sentence(part, language) for part in params["parts"])


def translate_day(params: Mapping[str, Any], language: str) -> str:
    """A day."""
    from babel.dates import format_skeleton

    at = datetime.fromisoformat(params["at"])
    return str(format_skeleton("yMMMd" if params["year"] else "MMMd", at, locale=language))


def translate_minute(params: Mapping[str, Any], language: str) -> str:
    """A moment."""
    return f"{translate_day(params, language)}, {translate_clock(params, language)}"


def translate_clock(params: Mapping[str, Any], language: str) -> str:
    """A time of the day."""
    from babel.dates import format_time

    at = params["at"]
    return str(format_time(datetime.fromisoformat(at if "T" in at else f"2000-01-01T{at}").time(), "short", locale=language))


def translate_span(params: Mapping[str, Any], language: str) -> str:
    """Translates how long ago something was; 0 seconds would be to come."""
    from babel.dates import format_timedelta

    past = timedelta(**{f"{params['unit']}s": -max(1, params["number"])})
    return str(format_timedelta(past, params["unit"], add_direction=True, threshold=FAR, locale=language))


FORMATS: dict[str, Callable[[Mapping[str, Any], str], str]] = {
    JOIN: join_translations,
    DAY: translate_day,
    MINUTE: translate_minute,
    CLOCK: translate_clock,
    AGO: translate_span,
}


@cache
def read_catalogue(language: str) -> Mapping[str, Forms]:
    """The catalogue of a language. What no code says any more stays in it as obsolete: it was stored."""
    from babel.messages.pofile import read_po

    with Path(__file__).with_name(f"{language}.po").open("rb") as file:
        catalog = read_po(file, locale=language)
    every = [*catalog.obsolete.values(), *(one for one in catalog if one.id)]
    return {one.id if isinstance(one.id, str) else one.id[0]: forms_of(one.string) for one in every}


def forms_of(string: str | tuple[str, ...] | list[str] | None) -> Forms:
    """Returns the forms of a message in a language: one, or several."""
    return (string,) if isinstance(string, str) else tuple(string or ())


def plural_form(count: float, language: str) -> int:
    """Returns the index of a language's plural form for so many, in the order zero, one, two, few, many, other (CLDR)."""
    from babel import Locale

    rule = Locale.parse(language).plural_form
    there: list[str] = [form for form in ("zero", "one", "two", "few", "many", "other") if form in rule.tags or form == "other"]
    return there.index(rule(count))
