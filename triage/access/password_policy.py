"""Password rules for staff: long and not easily guessed (NIST SP 800-63B, 3.1.1; ASVS 5.0, V6.2)."""

from itertools import pairwise

LEAST, MOST = 12, 1000  # characters
DIFFERENT = 5  # characters at least that are not the same
FEWEST_GUESSES = 10**8  # below, zxcvbn calls it easily guessed even where attempts are limited
READ = 72  # characters that zxcvbn looks at, which takes up to 0.2 seconds
FAMOUS = "correcthorsebatterystaple"  # a phrase that everybody knows, which zxcvbn takes for four words


def find_password_fault(password: str, login: str) -> str:
    """Returns the reason why this password is refused for this login, "" when it is accepted. All characters count, none is required."""
    plain = password.casefold()
    if len(password) < LEAST:
        return f"the password has fewer than {LEAST} characters"
    if len(password) > MOST:
        return f"the password has more than {MOST} characters"
    if login and login.casefold() in plain:
        return "the password contains the login"
    if len(set(plain)) < DIFFERENT or plain.replace(" ", "") == FAMOUS or is_row(plain) or is_easily_guessed(password, login):
        return "the password is one of the first that are guessed"
    return ""


def is_easily_guessed(password: str, login: str) -> bool:
    """Whether few guesses find it: zxcvbn knows 30,000 leaked passwords, words, names, keyboard rows and dates."""
    from zxcvbn import zxcvbn  # half a second, for those who set a password

    return bool(zxcvbn(password[:READ], user_inputs=[login])["guesses"] < FEWEST_GUESSES)


def is_row(plain: str) -> bool:
    """Whether each character follows the one before, as in abcdefghijkl."""
    steps = {ord(later) - ord(earlier) for earlier, later in pairwise(plain)}
    return steps in ({1}, {-1})
