"""Duties to call: those of the company that a request asks for, for the suggestions of its answer."""

from collections.abc import Sequence
from contextvars import ContextVar

from triage.config import duties
from triage.config.duties import Duty

DUTIES: ContextVar[Sequence[Duty]] = ContextVar("duties", default=duties.USUAL)


def duty_here(name: str) -> str:
    """Returns the company's duty for this one; "" where there is none."""
    here = duties.duty_in_charge(DUTIES.get(), name)
    return here.name if here else ""


def title_here(name: str) -> str:
    """Title of the duty."""
    here = duties.duty_in_charge(DUTIES.get(), name)
    return here.title if here else ""


def phone_here(name: str) -> str:
    """By which number it is reached; "" where the settings have none."""
    here = duties.duty_in_charge(DUTIES.get(), name)
    return here.phone if here else ""
