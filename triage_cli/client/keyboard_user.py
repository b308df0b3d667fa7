"""The user at the keyboard, as far as the machine knows."""

import getpass
import os


def at_the_keyboard() -> tuple[str, str]:
    """Returns the login of the user at the keyboard, and the address they reached us from by SSH; "" at the machine itself."""
    return getpass.getuser(), os.environ.get("SSH_CONNECTION", "").partition(" ")[0]
