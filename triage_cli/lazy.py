"""A group that imports a command only when it is called: a role must not import what another one needs, a client no database."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem


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
        module = import_module(f"triage_cli.{self.elsewhere[cmd_name]}")
        return next(one for one in vars(module).values() if isinstance(one, click.Command) and one.name == cmd_name)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names only: whoever presses the tab key does not wait until every command is imported."""
        lazy = [CompletionItem(name) for name in self.elsewhere if name.startswith(incomplete)]
        known = {one.value for one in lazy}
        return lazy + [one for one in here(self, ctx, incomplete) if one.value not in known]


def here(group: click.Group, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """The options of a group, and those commands that are imported with it."""
    options = click.Command.shell_complete(group, ctx, incomplete)
    names = [name for name in group.commands if name.startswith(incomplete)]
    return [*(CompletionItem(name, help=group.commands[name].get_short_help_str()) for name in names), *options]
