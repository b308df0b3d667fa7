"""The mail server of this machine as quickstart understands it, and what it does not understand."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

PATIENCE = 30.0  # seconds for a program to say what it is set to
SUB_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")


@dataclass(slots=True)
class MailServer:
    """A mail server as its own programs describe it. Quickstart writes no commands where `unsure` says something."""

    program: str  # Postfix or Exim
    version: str = ""
    hostname: str = ""
    config_directory: str = ""  # of Exim: the configuration file
    command: str = ""  # of Exim: the program
    domains: tuple[str, ...] = ()  # whose mailboxes it delivers to
    mailboxes: dict[str, str] = field(default_factory=dict)  # address: full name, "" where nobody says
    aliases: dict[str, tuple[str, ...]] = field(default_factory=dict)  # address: the addresses it stands for
    way_back: str = ""  # how a message gets into a mailbox, as Postfix's TRANSPORT:DESTINATION
    delimiter: str = ""
    own_networks: tuple[str, ...] = ()  # of machines that may send to the outside
    certificate: str = ""  # PEM file that it shows
    size_limit: int = 0  # bytes, 0: none
    notes: list[str] = field(default_factory=list)  # what was read, in words
    unsure: list[str] = field(default_factory=list)  # what was not understood, in words

    def owner_of(self, alias: str) -> str:
        """The one mailbox that an alias stands for, "" where there are several or none."""
        targets = self.expanded(alias)
        return next(iter(targets)) if len(targets) == 1 and targets <= self.mailboxes.keys() else ""

    def expanded(self, address: str) -> set[str]:
        """Resolves an alias to its final addresses; a mailbox to itself. An alias that names itself keeps its own mailbox."""
        found: set[str] = set()
        left, seen = [address], set()
        while left:
            one = left.pop()
            targets = self.aliases.get(one, ())
            if not targets or one in seen or one in targets:
                found.add(one)
            left += [target for target in targets if target not in seen and target != one]
            seen.add(one)
        return found


def run_program(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str | None:
    """Returns the output of a program, None when it is not there, fails or takes too long."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=PATIENCE, check=True, env=environment)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def addresses_in(text: str) -> tuple[str, ...]:
    """The addresses of a list separated by commas or spaces, in small letters."""
    return tuple(one.lower() for one in re.split(r"[,\s]+", text) if one)


def full_name(address: str, said: str = "") -> str:
    """The name of a person as people read it: what the system says, else made from the address."""
    return said.strip() or " ".join(part.capitalize() for part in re.split(r"[._-]+", address.partition("@")[0]) if part)
