"""A group that imports a command only when it is called: a role must not import what another one needs, a client no database.

What its list and a shell's completion say of each command comes from `triage_cli.one_line_helps`, which `make reference` writes.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any

import click
from click.shell_completion import CompletionItem

from triage.runtime import gc_tuning
from triage_cli.one_line_helps import HELPS

EMPTY: Mapping[str, str] = MappingProxyType({})
HELP = ("-h", "--help")
WHOLE = 1000  # characters that no one-line help has


class Lazy(click.Group):
    """`elsewhere` says in which module of triage_cli a command is."""

    def __init__(self, *names: Any, elsewhere: Mapping[str, str] = EMPTY, **more: Any) -> None:
        super().__init__(*names, **more)
        self.elsewhere = elsewhere

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.elsewhere, *(name for name in self.commands if name not in self.elsewhere)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.elsewhere:
            return super().get_command(ctx, cmd_name)
        with gc_tuning.pause_gc():
            module = import_module(f"triage_cli.{self.elsewhere[cmd_name]}")
        return next(one for one in vars(module).values() if isinstance(one, click.Command) and one.name == cmd_name)

    def sections(self, ctx: click.Context) -> Mapping[str, Iterable[str]]:
        """The commands as the help lists them, by heading."""
        return {"Commands": self.list_commands(ctx)}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands with their whole one-line helps; no command is imported for it."""
        write_sections({title: [self.named(ctx, name) for name in names] for title, names in self.sections(ctx).items()}, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Completes command names without importing the commands, so that the tab key answers at once."""
        found = [self.named(ctx, name) for name in self.list_commands(ctx) if name.startswith(incomplete)]
        commands = [CompletionItem(one.name, help=one.get_short_help_str()) for one in found if not one.hidden]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def named(self, ctx: click.Context, name: str) -> click.Command:
        """A command by what is said of it: of one that is elsewhere no more than that is true."""
        if name not in self.elsewhere:
            return self.commands[name]
        return click.Command(name, help=HELPS[name_command(ctx, name)])


class Listing(Lazy):
    """A group whose command `list` runs when no other is named: `mailroom token` is `mailroom token list`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        names_none = not args or (args[0].startswith("-") and args[0] not in HELP)
        return super().parse_args(ctx, ["list", *args] if names_none else args)


class Sections(Lazy):
    """The program itself: its commands by section, and the names that commands had before.

    `renamed`: old name to new name. Those in `kept` still work, as other people's scripts call them.
    """

    def __init__(
        self, *names: Any, by_section: Mapping[str, Mapping[str, str]], renamed: Mapping[str, str], kept: frozenset[str], **more: Any
    ):
        super().__init__(*names, elsewhere={name: where for one in by_section.values() for name, where in one.items()}, **more)
        self.by_section, self.renamed, self.kept = by_section, renamed, kept

    def sections(self, ctx: click.Context) -> Mapping[str, Iterable[str]]:
        return self.by_section

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, self.renamed[cmd_name] if cmd_name in self.kept else cmd_name)


def write_sections(sections: Mapping[str, Sequence[click.Command]], formatter: click.HelpFormatter) -> None:
    """Write commands below headings, with one column for all their names."""
    shown = {title: [one for one in commands if not one.hidden] for title, commands in sections.items()}
    widest = max((len(one.name or "") for commands in shown.values() for one in commands), default=0)
    for title, commands in shown.items():
        with formatter.section(title):
            formatter.write_dl([((one.name or "").ljust(widest), one.get_short_help_str(WHOLE).rstrip(".")) for one in commands])


def suggest_command(group: click.Group, ctx: click.Context, given: str) -> str:
    """Returns the command that was probably meant: its new name, or the nearest one; "" where none is near."""
    renamed = getattr(group, "renamed", {})
    near = difflib.get_close_matches(given, [*renamed, *group.list_commands(ctx)], 1)
    return str(renamed.get(near[0], near[0])) if near else ""


def name_command(ctx: click.Context, name: str) -> str:
    """A command as it is called, without the program's name."""
    return f"{name_command(ctx.parent, ctx.info_name or '')} {name}" if ctx.parent else name
