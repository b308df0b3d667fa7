"""Rounds in which every contender runs once, in reversed order every second time; medians."""

from collections.abc import Callable, Mapping
from statistics import median

Sample = Mapping[str, float]  # what one run measured, by name
Contenders = Mapping[str, Callable[[], Sample]]


def medians(contenders: Contenders, rounds: int) -> dict[str, dict[str, float]]:
    """The median of every measured value, by contender. A drift of the machine meets all of them alike."""
    samples: dict[str, list[Sample]] = {name: [] for name in contenders}
    for number in range(rounds):
        names = list(contenders)
        for name in reversed(names) if number % 2 else names:
            samples[name].append(contenders[name]())
    return {name: {value: median(one[value] for one in taken) for value in taken[0]} for name, taken in samples.items()}
