"""Postfix's own load generator as the client: unsigned mail of one size to one recipient."""

import subprocess
import time

from tests.peers import processes


def send_messages(
    port: int, *, messages: int, size: int, sessions: int, to: str, reuse: bool, lmtp: bool = False, recipients: int = 1
) -> float:
    """Send, each message to so many recipients; seconds until the last message was acknowledged. An error ends the claim."""
    command = [processes.need("smtp-source", "postfix"), "-s", str(sessions), "-m", str(messages), "-l", str(size)]
    command += ["-f", "stranger@stranger.example", "-t", to, *(["-d"] if reuse else []), *(["-L"] if lmtp else [])]
    command += [*(["-r", str(recipients)] if recipients > 1 else []), f"inet:127.0.0.1:{port}"]
    begun = time.monotonic()
    subprocess.run(command, check=True, timeout=processes.HANG)
    return time.monotonic() - begun
