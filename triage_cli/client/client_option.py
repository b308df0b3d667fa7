"""Gives a command the desk that it asks at: this machine, or the server that --server, $MAILROOM_SERVER or [client] names."""

import os
from collections.abc import Callable
from functools import partial, update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from triage.errors import BadInput
from triage.runtime import gc_tuning
from triage_cli.output.tables import CHANGED, Form, collect_sentences, json_option

if TYPE_CHECKING:  # help asks nobody, and reads no settings
    from triage.config.settings import Settings
    from triage_cli.client.api_client import Desk

DEMO = Path("var/demo/mailroom.toml")  # as `mailroom demo` writes it in its usual directory
META = "mailroom."  # of what the options said, in Context.meta
SERVER, TOKEN = "MAILROOM_SERVER", "MAILROOM_TOKEN"
OPTIONS = (
    ("--server", "server", "URL", "Ask this Mailroom instead of the one on this machine. Default: $MAILROOM_SERVER, client.server."),
    ("--token-file", "token_file", "FILE", "Holds the token for it, in one line. Default: $MAILROOM_TOKEN, client.token_file."),
    ("--ca-file", "ca_file", "FILE", "PEM file of trusted certificate authorities. Default: client.ca_file, else the system's."),
)


class Place(NamedTuple):
    """Server that a command asks, with its token and CA file; without a server the command runs on this machine."""

    server: str
    token_file: str
    ca_file: str
    plain: bool


def server_options(command: Callable[..., Any], *, hidden: bool = False) -> Callable[..., Any]:
    """The options that name a server. They stand before a command or behind it."""
    for flag, name, metavar, text in reversed(OPTIONS):
        command = click.option(flag, name, metavar=metavar, help=text, hidden=hidden, expose_value=False, callback=remember_option)(command)
    plain = click.option(
        "--plain",
        is_flag=True,
        help="Allow http:// to another machine: nothing is encrypted.",
        hidden=hidden,
        expose_value=False,
        callback=remember_option,
    )
    return plain(command)


names_server = partial(server_options, hidden=True)  # a group that lists something when it is called alone


def remember_option(ctx: click.Context, option: click.Parameter, value: Any) -> None:
    """Keep what an option said."""
    if value:
        ctx.meta[f"{META}{option.name}"] = value


def ask_api(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command that asks the API: it gets a desk as its first argument, and works here and on a server alike."""

    @click.pass_context
    def asked(ctx: click.Context, /, *words: Any, **given: Any) -> Any:
        with desk_of(ctx) as desk:
            return command(desk, *words, **given)

    return names_server(update_wrapper(asked, command))


def act_on_api(command: Callable[..., Any]) -> Callable[..., Any]:
    """As `ask_api`, for a command that changes something: with --json it prints its sentences and the API's answers as one object."""

    def acted(desk: "Desk", /, *words: Any, form: Form, **given: Any) -> Any:
        with collect_sentences(CHANGED, form, desk.changes):
            return command(desk, *words, **given)

    return json_option(CHANGED)(ask_api(update_wrapper(acted, command)))


def desk_of(ctx: click.Context) -> "Desk":
    """The desk that a command asks at."""
    place = place_of(ctx)
    if place.server:
        with gc_tuning.pause_gc():
            from triage_cli.client.remote_client import Remote  # what asks a server needs no database, and the other way round
        return Remote(place.server, token_of(place), place.ca_file, plain=place.plain)
    from triage.config import settings_loader
    from triage_cli.client.local_socket import find_neighbour

    settings = settings_loader.read_settings(settings_file(ctx))
    return find_neighbour(settings, lambda: open_here(settings)) or open_here(settings)


def open_here(settings: "Settings") -> "Desk":
    """The database of this machine, without an API that runs."""
    with gc_tuning.pause_gc():
        from triage_cli.client.local_client import Here
    return Here(settings)


def place_of(ctx: click.Context) -> Place:
    """Returns the server that a command asks: options come first, then the environment, then the settings file."""
    from triage.config import settings_loader

    client = settings_loader.read_client_settings(settings_file(ctx))
    return Place(
        read_option(ctx, "server") or os.environ.get(SERVER, "") or client.server,
        read_option(ctx, "token_file") or ("" if TOKEN in os.environ else client.token_file),
        read_option(ctx, "ca_file") or client.ca_file,
        client.plain or bool(read_option(ctx, "plain")),
    )


def read_option(ctx: click.Context, name: str) -> str:
    """Returns the value of a client option, "" when it is not given."""
    return str(ctx.meta.get(f"{META}{name}", ""))


def token_of(place: Place) -> str:
    """The token: never on the command line, where others on the machine read it."""
    if not place.token_file:
        return os.environ.get(TOKEN, "").strip()
    try:
        lines = Path(place.token_file).read_text("utf-8").split()
    except (OSError, UnicodeDecodeError) as fault:
        raise BadInput(f"--token-file: {place.token_file} cannot be read: {getattr(fault, 'strerror', '') or fault}") from fault
    return lines[0] if lines else ""


def settings_of(ctx: click.Context) -> "Settings":
    """The settings of this machine, for a command that works only here; BadInput when a server is named."""
    refuse_server(ctx)
    return read_settings(ctx)


def read_settings(ctx: click.Context) -> "Settings":
    """The settings that --config names, or those of this machine."""
    from triage.config import settings_loader

    return settings_loader.read_settings(ctx.find_root().obj)


def settings_file(ctx: click.Context) -> str | None:
    """Returns the file that --config names; without any settings here, that of the demo in this directory."""
    from triage.config import settings_loader

    given: str | None = ctx.find_root().obj
    is_alone = not given and settings_loader.choose_file(None, os.environ) is None and not settings_loader.from_environment(os.environ)
    return str(DEMO) if is_alone and DEMO.exists() else given


def refuse_server(ctx: click.Context) -> None:
    """BadInput when a server is named for a command that works only on the machine itself."""
    by = "--server" if read_option(ctx, "server") else f"${SERVER}" if os.environ.get(SERVER) else ""
    if by:
        raise BadInput(f"`mailroom {name_command(ctx)}` works on the machine itself and asks no server: run it there, without {by}")


def name_command(ctx: click.Context) -> str:
    """The command as it is called, without the program's name."""
    before = name_command(ctx.parent) if ctx.parent and ctx.parent.parent else ""
    return f"{before} {ctx.info_name}".strip()
