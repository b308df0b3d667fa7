"""`mailroom settings`: every setting with its default, its names and what it is for, as Markdown."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import MISSING
from pathlib import Path
from typing import Any

import click

from triage.config.duties import Duty
from triage.config.renamed import RENAMED, RENAMED_OF_DIRECTORY, RENAMED_SECTIONS, RENAMED_VALUES
from triage.config.settings import every_key
from triage.config.settings_loader import choose_file, read_settings
from triage_cli.client.exit_codes import DONE, USAGE
from triage_cli.output.tables import say, warn
from triage_cli.services.settings_checks import find_faults

HEAD = """# Settings

For administrators: every setting with its default. The page is generated; `mailroom settings` prints it, and `mailroom settings
--check` checks yours.

Settings are one TOML file: `--config FILE`, `$MAILROOM_CONFIG`, `./mailroom.toml` or `/etc/mailroom/mailroom.toml`. A key can
also come from these places, and the last one wins:

1. a file `SECTION.KEY` in systemd's `$CREDENTIALS_DIRECTORY`, for secrets. Where a key names a PEM or password file, this is the
   file itself;
2. the environment as `MAILROOM_SECTION__KEY`, with commas in lists.

Unknown keys are errors.
"""


@click.command()
@click.option("--check", is_flag=True, help="Check instead whether the settings can be used.")
@click.pass_context
def settings(ctx: click.Context, check: bool) -> int:
    """Print or check the settings."""
    if not check:
        click.echo(write_reference(), nl=False)
        return DONE
    found = list(find_faults(read_settings(ctx.find_root().obj)))
    for fault in found:
        warn(fault)
    if found:
        return USAGE
    say(f"the settings are as they should be ({choose_file(ctx.find_root().obj, os.environ) or 'from the environment'})")
    return DONE


def write_reference() -> str:
    """The whole page."""
    lines, section = [HEAD], ""
    for name, key, one in every_key():
        if name != section:
            section = name
            lines.append(f"\n## [{section}]\n\n| key | default | meaning |\n|---|---|---|\n")
        choices = f" One of: {', '.join(one.metadata['choices'])}." if one.metadata["choices"] else ""
        meaning = re.sub(r"\bdocs/([\w-]+/([\w-]+\.md))", r"[\2](../\1)", one.metadata["doc"])
        lines.append(f"| `{key}` | {write_default(one.default)} | {meaning}{choices} |\n")
    return "".join([*lines, *write_renamed()])


def write_renamed() -> Iterator[str]:
    """The names of earlier versions, which are refused, and those of today."""
    yield "\n## Renamed before 0.1.0\n\nAn old name is refused with the new one.\n\n| old | new |\n|---|---|\n"
    yield from (f"| `[{old}]` | `{new}` |\n" for old, new in RENAMED_SECTIONS.items())
    yield from (f"| `[{section}] {old}` | `{new.partition(';')[0]}` |\n" for (section, old), new in RENAMED.items())
    yield from (f"| directory file: `{old}` | `{new}` |\n" for old, new in RENAMED_OF_DIRECTORY.items())
    yield from (f"| value `{old}` | `{new}` |\n" for old, new in RENAMED_VALUES.items())


def write_default(default: Any) -> str:
    """A default as TOML."""
    if default is MISSING:
        return "must be set"
    if default and isinstance(default, tuple) and all(isinstance(one, tuple) for one in default):
        return ", ".join(f"`{name}`: {json.dumps(text, ensure_ascii=False)}" for name, text in default)
    if default and isinstance(default, tuple) and all(isinstance(one, Duty) for one in default):
        return ", ".join(f"`{one.name}`" for one in default)
    value = str(default) if isinstance(default, Path) else list(default) if isinstance(default, tuple) else default
    return f"`{json.dumps(value)}`"
