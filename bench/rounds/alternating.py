"""Rounds in which every contender runs once, in reversed order every second time; medians."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import TypeVar

Sample = Mapping[str, float]  # what one run measured, by name
Samples = Sequence[Sample]
Name = TypeVar("Name")


def measure_medians(contenders: Mapping[Name, Callable[[], Sample]], rounds: int) -> dict[Name, dict[str, float]]:
    """The median of every measured value, by contender."""
    return find_medians(run_alternating(contenders, rounds))


def run_alternating(contenders: Mapping[Name, Callable[[], Sample]], rounds: int) -> dict[Name, Samples]:
    """Run the contenders in turn, so that drift of the machine affects all alike; return the measurements of each."""
    samples: dict[Name, list[Sample]] = {name: [] for name in contenders}
    for number in range(rounds):
        names = list(contenders)
        for name in reversed(names) if number % 2 else names:
            samples[name].append(contenders[name]())
    return {name: tuple(taken) for name, taken in samples.items()}


def find_medians(samples: Mapping[Name, Samples]) -> dict[Name, dict[str, float]]:
    """Return the median of each value, by contender."""
    return {name: {value: median(one[value] for one in taken) for value in taken[0]} for name, taken in samples.items()}
