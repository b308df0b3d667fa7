"""Numbers as Prometheus reads them, by its own library: the text exposition format, version 0.0.4."""

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def write_gauge(name: str, help: str, *values: float) -> Metric:
    """A family of one number, or of none when it is not known."""
    family = GaugeMetricFamily(name, help)
    for value in values:
        family.add_metric([], value)
    return family


def write_labelled(name: str, help: str, label: str, values: Mapping[str, float]) -> Metric:
    """A family with one number for each value of a label."""
    family = GaugeMetricFamily(name, help, labels=[label])
    for name_of, value in values.items():
        family.add_metric([name_of], value)
    return family


class Families:
    """Families of one moment, as a collector."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self.families = families

    def collect(self) -> Iterator[Metric]:
        yield from self.families


def write_exposition(families: Iterable[Metric]) -> str:
    """The document."""
    registry = CollectorRegistry()
    registry.register(Families(list(families)))
    return generate_latest(registry).decode()
