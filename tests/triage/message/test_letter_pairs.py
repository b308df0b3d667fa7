"""Letters by chance are told from words and names."""

import random
import string

import pytest

from tests.triage import waves
from triage.message.fingerprint_text import distinctive_words
from triage.message.letter_pairs import is_random


@pytest.mark.parametrize("name", ["rnysv", "xkqjdw", "zzbvkjq", "hqwx-vbnm"])
def test_letters_by_chance(name: str) -> None:
    assert is_random(name)


@pytest.mark.parametrize("name", ["confirm", "newsletter", "unsubscribe", "rechnung", "facturation", "seguimiento", "php", "qx", "договор"])
def test_words_in_several_languages(name: str) -> None:
    assert not is_random(name)


def test_most_of_each_kind_are_told() -> None:
    chance = random.Random(8)
    drawn = ["".join(chance.choices(string.ascii_lowercase, k=8)) for _ in range(300)]
    words = {word for _, text in waves.TEXTS for word in distinctive_words(text) if word.isascii()}
    assert sum(map(is_random, drawn)) > 0.8 * len(drawn)
    assert sum(map(is_random, words)) < 0.05 * len(words)
