"""Refused passwords, as a table."""

import pytest

from triage.access.password_policy import find_password_fault


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("correct horse battery", ""),
        ("čtyři slova z lesa", ""),
        ("x7#q" * 3, "first that are guessed"),
        ("Tr0ub4dor&3xyz", ""),
        ("letmeinplease", "first that are guessed"),  # leaked
        ("P@ssw0rd12345", "first that are guessed"),  # a variant of one that leaked
        ("qazwsxedcrfv", "first that are guessed"),  # keys beside each other
        ("hunter2hunter2", "first that are guessed"),
        ("čtyři slova z lesa" * 50, ""),  # longer than what is looked at
        ("short", "fewer than 12"),
        ("elevenchars", "fewer than 12"),
        ("x" * 1001, "more than 1000"),
        ("Ana.Roth is my name", "contains the login"),
        ("Password1234", "first that are guessed"),
        ("correct horse battery staple", "first that are guessed"),
        ("aaaaaaaabbbb", "first that are guessed"),
        ("abcdefghijklm", "first that are guessed"),
        ("zyxwvutsrqpon", "first that are guessed"),
    ],
)
def test_a_password(password: str, why: str) -> None:
    said = find_password_fault(password, "ana.roth")
    assert (why in said) if why else said == ""


def test_without_a_login_nothing_is_contained() -> None:
    assert find_password_fault("correct horse battery", "") == ""
