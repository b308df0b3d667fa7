"""A message that the SMTP server refused, as a value."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """Attempts by one client to send from one sender to one recipient that got the same reply."""

    recipient: str  # folded; "" where it was refused before a recipient was named
    reverse_path: str  # folded; "" is the null reverse-path
    client: str  # IP address
    reply: str  # ours, with its codes
    at: datetime  # the first of them
    until: datetime  # the last of them
    times: int
