"""A group that imports a command only when it is called: a role must not import what another one needs, a client no database."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


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
