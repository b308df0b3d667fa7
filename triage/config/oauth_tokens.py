"""An access token for an account elsewhere (OAuth): from a file, or from a command that prints one."""

import shlex
import subprocess
from pathlib import Path


class NoToken(Exception):
    """No access token was given; the text begins with the setting that should have given it, without its section."""


def current_token(file: str, command: str, user: str, timeout: float) -> str:
    """The token of now; `{user}` in the command is the account's login. NoToken says why there is none."""
    if not (file or command):
        raise NoToken("token_file or token_command is missing")
    if file:
        try:
            return Path(file).read_text("utf-8").strip("\r\n")
        except (OSError, UnicodeDecodeError) as fault:
            raise NoToken(f"token_file {file} cannot be read: {getattr(fault, 'strerror', '') or fault}") from fault
    try:
        words = [word.replace("{user}", user) for word in shlex.split(command)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, check=True)
    except (OSError, ValueError, subprocess.SubprocessError) as fault:
        raise NoToken(f"token_command gave no token: {fault}") from fault
    return done.stdout.strip()
