"""Numbers as Prometheus reads them: the text exposition format, version 0.0.4."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class Sample:
    """One number, and what tells it from the others of its family."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Family:
    """Everything of one name."""

    name: str
    kind: str  # gauge or counter
    help: str
    samples: tuple[Sample, ...]


def gauge(name: str, help: str, *values: float) -> Family:
    """A family of one number, or of none when it is not known."""
    return Family(name, "gauge", help, tuple(Sample(value) for value in values))


def labelled(name: str, help: str, label: str, values: Mapping[str, float]) -> Family:
    """A family with one number for each value of a label."""
    return Family(name, "gauge", help, tuple(Sample(value, {label: name_of}) for name_of, value in values.items()))


def exposition(families: Iterable[Family]) -> str:
    """The document. ValueError when a name is none that Prometheus knows."""
    return "".join(line + "\n" for family in families for line in lines(family))


def lines(family: Family) -> list[str]:
    """One family."""
    if not NAME.fullmatch(family.name):
        raise ValueError(f"{family.name!r} is not the name of a metric")
    described = family.help.replace("\\", r"\\").replace("\n", r"\n")
    heads = [f"# HELP {family.name} {described}", f"# TYPE {family.name} {family.kind}"]
    return heads + [f"{family.name}{labels(sample.labels)} {number(sample.value)}" for sample in family.samples]


def labels(values: Mapping[str, str]) -> str:
    """Labels in braces; "" without any."""
    for name in values:
        if not LABEL.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a label")
    pairs = (f'{name}="{escaped(value)}"' for name, value in values.items())
    return "{" + ",".join(pairs) + "}" if values else ""


def escaped(value: str) -> str:
    """A label's value: backslash, quote and line feed are escaped."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def number(value: float) -> str:
    """A number as Go's ParseFloat reads it."""
    return repr(int(value)) if value == value // 1 and abs(value) < 1 << 53 else repr(float(value))
