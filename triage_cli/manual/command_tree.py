"""Tree of commands as the manual describes it, read from the commands themselves: words, arguments, options, the shape of --json, where
each works."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import click

from triage_cli.lazy_group import Listing, Sections
from triage_cli.output.tables import FormOption


@dataclass(frozen=True)
class Entry:
    """Command in the manual."""

    words: str  # as it is called, without `mailroom`
    usage: str  # what follows the words
    summary: str
    text: tuple[str, ...]  # paragraphs
    options: tuple[tuple[str, str], ...]  # as they are written, and what they mean
    fields: Mapping[str, str]  # of --json
    is_list: bool  # --json is an array
    asks: bool  # works on a server too
    runs: bool  # not only a group of others
    below: tuple["Entry", ...] = ()


def list_entries(root: Sections) -> list[tuple[str, list[Entry]]]:
    """All commands by section, in the order of the help."""
    context = click.Context(root, info_name="mailroom")
    return [
        (title, [entry_of(command, context, name) for name, command in list_children(root, context, names)])
        for title, names in root.by_section.items()
    ]


def list_children(group: click.Group, context: click.Context, names: Iterable[str] = ()) -> Iterator[tuple[str, click.Command]]:
    """The commands of a group that are shown: these, or all."""
    for name in names or group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and not command.hidden:
            yield name, command


def entry_of(command: click.Command, parent: click.Context, name: str) -> Entry:
    """Entry of a command and of those below it."""
    context = click.Context(command, info_name=name, parent=parent)
    below = tuple(entry_of(one, context, word) for word, one in list_children(command, context)) if isinstance(command, click.Group) else ()
    shapes = [option for option in command.params if isinstance(option, FormOption)]
    written = [option.get_help_record(context) for option in command.params if not getattr(option, "hidden", False)]
    return Entry(
        words=f"{'' if parent.parent is None else parent.info_name} {name}".strip(),
        usage=" ".join(command.collect_usage_pieces(context)),
        summary=command.get_short_help_str(200).rstrip("."),
        text=tuple(" ".join(part.split()) for part in (command.help or "").split("\n\n")),
        options=tuple((names, text) for names, text in filter(None, written) if names.startswith("-")),
        fields=shapes[0].shape.fields if shapes else {},
        is_list=bool(shapes) and shapes[0].of_many,
        asks=any(option.name == "server" and getattr(option, "hidden", False) for option in command.params),
        runs=not isinstance(command, click.Group) or command.invoke_without_command or isinstance(command, Listing),
        below=below,
    )
