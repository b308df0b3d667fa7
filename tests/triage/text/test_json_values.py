"""Plain values are what the standard library makes of the same value."""

from dataclasses import asdict, dataclass

import pytest

from triage.message.authentication import Authentication, Dkim, Dmarc, Result, Spf
from triage.message.summary import Attachment, Link, Summary
from triage.text.json_values import as_dict


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value without others in it."""

    word: str = "leaf"
    numbers: tuple[int, ...] = (1, 2)


@dataclass(frozen=True, slots=True)
class Branch:
    """A value with others in it, in every way."""

    leaf: Leaf = Leaf()
    leaves: tuple[Leaf, ...] = (Leaf("one"), Leaf("two", ()))
    named: tuple[dict[str, Leaf], ...] = ({"three": Leaf("three")},)
    nothing: None = None
    none_of_them: tuple[Leaf, ...] = ()
    false: bool = False


@pytest.mark.parametrize(
    "value",
    [
        Leaf(),
        Branch(),
        Summary(),
        Summary(
            parsed=True, to=("a@b.example",), links=(Link("here", "https://b.example/"),), attachments=(Attachment(1, "a", "b/c", 2, "d"),)
        ),
        Authentication(
            "a@b.example",
            spf=(Spf(Result.PASS, "mailfrom", "b.example"),),
            dkim=(Dkim(Result.FAIL, "b.example", "s1"),),
            dmarc=Dmarc(Result.PASS, aligned=("spf",)),
        ),
    ],
)
def test_as_the_standard_library_has_it(value: object) -> None:
    assert as_dict(value) == asdict(value)  # type: ignore[call-overload]
