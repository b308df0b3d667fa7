"""Password rules for staff: long and not easily guessed (NIST SP 800-63B, 3.1.1; ASVS 5.0, V6.2)."""

from itertools import pairwise

LEAST, MOST = 12, 1000  # characters
DIFFERENT = 5  # characters at least that are not the same
# fmt: off
COMMON = frozenset({  # of the lists of leaked passwords, those that are long enough
    "123123123123", "123456789012", "1234567890123", "12345678901234", "123456789abc", "123456789qwe", "1q2w3e4r5t6y", "1qaz2wsx3edc",
    "administrator", "adminadmin123", "changeme1234", "changemenow1", "correcthorsebatterystaple", "football1234", "iloveyou1234",
    "letmein12345", "letmeinplease", "monkey123456", "p@ssw0rd1234", "passw0rd1234", "password1234", "password12345", "password123456",
    "passwordpassword", "princess1234", "qazwsxedcrfv", "qwerty123456", "qwerty12345678", "qwertyqwerty", "qwertyuiop12",
    "qwertyuiop123", "qwertyuiopasdf", "sunshine1234", "superman1234", "trustno12345", "welcome12345", "welcome123456", "zaq12wsxcde3",
})
# fmt: on


def find_password_fault(password: str, login: str) -> str:
    """Returns the reason why this password is refused for this login, "" when it is accepted. All characters count, none is required."""
    plain = password.casefold()
    if len(password) < LEAST:
        return f"the password has fewer than {LEAST} characters"
    if len(password) > MOST:
        return f"the password has more than {MOST} characters"
    if login and login.casefold() in plain:
        return "the password contains the login"
    if len(set(plain)) < DIFFERENT or plain.replace(" ", "") in COMMON or is_row(plain):
        return "the password is one of the first that are guessed"
    return ""


def is_row(plain: str) -> bool:
    """Whether each character follows the one before, as in abcdefghijkl."""
    steps = {ord(later) - ord(earlier) for earlier, later in pairwise(plain)}
    return steps in ({1}, {-1})
