"""A group that imports a command only when it is called: a role must not import what another one needs, a client no database.

What its list and a shell's completion say of each command comes from `triage_cli.one_line_helps`, which `make reference` writes.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from triage.runtime import gc_tuning
from triage_cli.one_line_helps import HELPS


class Lazy(click.Group):
    """`elsewhere` says in which module of triage_cli a command is."""

    def __init__(self, *names: Any, elsewhere: Mapping[str, str], **more: Any) -> None:
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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands: none is imported for what it says of itself."""
        Listing(commands={name: self.named(ctx, name) for name in self.list_commands(ctx)}).format_commands(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Whoever presses the tab key does not wait until a command is imported."""
        found = [self.named(ctx, name) for name in self.list_commands(ctx) if name.startswith(incomplete)]
        commands = [CompletionItem(one.name, help=one.get_short_help_str()) for one in found if not one.hidden]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def named(self, ctx: click.Context, name: str) -> click.Command:
        """A command by what is said of it: of one that is elsewhere no more than that is true."""
        if name not in self.elsewhere:
            return self.commands[name]
        return click.Command(name, help=HELPS[words_of(ctx, name)])


class Listing(click.Group):
    """Commands in the order that they were given in."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


def words_of(ctx: click.Context, name: str) -> str:
    """A command as it is called, without the program's name."""
    return f"{words_of(ctx.parent, ctx.info_name or '')} {name}" if ctx.parent else name
