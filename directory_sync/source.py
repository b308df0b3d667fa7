"""Source of a company's directory: a TOML file or an LDAP server, as the settings say."""

from pathlib import Path
from typing import Protocol

from directory_sync.reading import Reading
from directory_sync.toml import toml_reader
from triage.config.settings import Settings
from triage.directory.address_owners import NO_HOLDERS, Holders


class Source(Protocol):
    """Source of the company directory."""

    def read(self, *, full: bool = False, holders: Holders = NO_HOLDERS) -> Reading:
        """The company as it is now. Refused, and nothing is known, when it cannot be read whole.

        `full`: read everything, where a source could ask for changes only. `holders`: who keeps an address that several claim.
        """


class FileSource:
    """The company in a TOML file, which is right as a whole or not taken at all."""

    def __init__(self, settings: Settings) -> None:
        self.path, self.company = Path(settings.directory.file), settings.company

    def read(self, *, full: bool = False, holders: Holders = NO_HOLDERS) -> Reading:
        """The company in the file; it is always read whole, and an address that two have is an error in it."""
        return Reading(toml_reader.read_directory(self.path, self.company.domains, self.company.delimiter))


def open_source(settings: Settings) -> Source:
    """The source that the settings name; BadInput when they do so badly."""
    if settings.directory.source != "ldap":
        return FileSource(settings)
    from directory_sync.ldap.ldap_source import LdapSource  # the library takes as long to import as a file takes to read

    return LdapSource(settings.directory, settings.company)
