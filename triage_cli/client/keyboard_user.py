"""The user at the keyboard, as far as the machine knows."""

import getpass
import os


def at_the_keyboard() -> tuple[str, str]:
    """Their login, and the address that they have come from by SSH; "" when they are at the machine itself."""
    return getpass.getuser(), os.environ.get("SSH_CONNECTION", "").partition(" ")[0]
