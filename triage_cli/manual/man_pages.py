"""`mailroom man`: the manual as pages of man(1), or as the one page docs/reference/cli.md, both made of the commands themselves."""

import os
import re
import textwrap
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click

from triage_cli.main import mailroom
from triage_cli.manual.command_tree import Entry, list_entries

SECTION = "1"
DASH, LINE = "\\-", 78
SUMMARY = "a few trained people look at a company's outside mail"
CODES = (
    ("0", "done"),
    ("1", "refused, or partly failed: standard error or the list says which and why"),
    ("2", "the command, a setting or an option is wrong"),
    ("75", "try again later: the database, a server or somebody else does not answer now"),
)
ENVIRONMENT = (
    ("MAILROOM_CONFIG", "the settings file, instead of ./mailroom.toml and /etc/mailroom/mailroom.toml"),
    ("MAILROOM_SECTION__KEY", "any setting"),
    ("MAILROOM_SERVER, MAILROOM_TOKEN", "the server to ask and the token for it"),
    ("HTTPS_PROXY, NO_PROXY", "the proxy on the way to it"),
    ("COLUMNS", "how wide tables may be on a terminal"),
)
EXAMPLES = (
    ("What is held, newest first:", "mailroom deliveries"),
    ("Let somebody in, once and for good:", "mailroom release --sender dana@partner.example --allow company"),
    ("Take a wave away everywhere, and wait until the last copy is gone:", "mailroom purge --domain bad.example --reason phishing --wait"),
    ("The same from elsewhere:", "mailroom --server https://mailroom.example --token-file FILE deliveries"),
)
HEAD = """# Command line

For administrators and script authors: every command of `mailroom`, with its options and exit codes. The page is generated (`make
reference`).

`mailroom man DIRECTORY` writes it as man pages (`man -l DIRECTORY/mailroom.1`). `eval "$(mailroom completion bash)"` completes
commands, options and states (also zsh, fish). `python -m triage_cli` is the same program. [Scripts](../how-to/recipes.md) work
without Mailroom on their machine.

## On this machine or on a server

Commands marked *here or on a server* do the same on this machine and on a server elsewhere:

    mailroom deliveries --state held
    mailroom --server https://mailroom.company.example --token-file ~/.mailroom-token deliveries --state held

- **Server:** `--server`, `$MAILROOM_SERVER` or `[client] server` in the settings file, which may have that section alone. These
  options may stand before or after a command.
- **Token:** `--token-file`, `$MAILROOM_TOKEN` or `[client] token_file`. `mailroom token create` on the server's machine makes
  one.
- **TLS:** the certificate is checked against the system's authorities, or those of `--ca-file`. `http://` reaches this machine
  only, unless `--plain` is given. Failures are retried a few times, and done once.
- **On this machine** the person at the keyboard may do everything, under their own name (`shell:USER` in the audit log). The
  running API answers root and its own user; otherwise the command opens the database, with the same answer.

All other commands work on the machine itself and refuse a server.

## Output

- Tables fit the terminal, with times to the minute in UTC. A pipe gets everything uncut. Long work shows a bar on a terminal
  only.
- Lists take `--json` and `--csv`. Fields are added over time, never removed. JSON is ASCII.
- Characters that could act on a terminal or hide something are shown as escapes such as `\\x1b` or `\\u202e`, in every format.
  `rules export` and `audit export` keep each text exactly, in JSON's own escapes.
- A CSV cell that a spreadsheet would calculate begins with an apostrophe.

## Exit codes
"""
HERE = "Here or on a server."


@click.command()
@click.argument("directory", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--markdown", is_flag=True, help="Print docs/reference/cli.md instead.")
def man(directory: Path | None, markdown: bool) -> None:
    """Write the man pages."""
    if markdown:
        click.echo(write_markdown_page(), nl=False)
        return
    if directory is None:
        click.echo(write_overview(), nl=False)
        return
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in write_pages():
        (directory / f"{name}.{SECTION}").write_text(text, "utf-8")


def write_pages() -> Iterator[tuple[str, str]]:
    """Yields each page for man(1) with its name."""
    yield "mailroom", write_overview()
    for _, found in list_entries(mailroom):
        for one in found:
            yield f"mailroom-{one.words}", "".join(command_page(one))


def write_overview() -> str:
    """mailroom(1)."""
    lines = [*begin_page("mailroom", SUMMARY), ".B mailroom\n[OPTIONS] COMMAND ...\n.SH DESCRIPTION\n", to_roff(str(mailroom.help))]
    for title, found in list_entries(mailroom):
        lines.append(f".SS {title}\n")
        for one in found:
            lines += [".TP\n", f".BR mailroom\\-{one.words.replace('-', DASH)} ({SECTION})\n", to_roff(one.summary)]
    lines += [".SH OPTIONS\n", *tag_names(option_records(mailroom))]
    lines += [".SH EXIT STATUS\n", *tag_names(CODES), ".SH ENVIRONMENT\n", *tag_names(ENVIRONMENT), ".SH EXAMPLES\n"]
    lines.append(".PP\n".join(f"{to_roff(text)}.PP\n.RS 4\n.nf\n{escape_roff(line)}\n.fi\n.RE\n" for text, line in EXAMPLES))
    return "".join(lines)


def command_page(one: Entry) -> Iterator[str]:
    """A page for a command and those below it."""
    yield from begin_page(f"mailroom-{one.words}", one.summary)
    yield ".br\n".join(f".B mailroom {each.words}\n{to_roff(each.usage)}" for each in ((one, *one.below) if one.runs else one.below))
    yield ".SH DESCRIPTION\n"
    yield from describe_command(one)
    for each in one.below:
        yield f".SS mailroom {each.words}\n"
        yield from describe_command(each)
    yield f".SH SEE ALSO\n.BR mailroom ({SECTION})\n"


def describe_command(one: Entry) -> Iterator[str]:
    """Yields the description of a command, its options and the fields of its JSON, in roff."""
    yield ".PP\n".join(map(to_roff, (*one.text, HERE) if one.asks else one.text))
    yield from tag_names(one.options)
    if one.fields:
        yield ".PP\n"
        yield to_roff(f"Fields of `--json`, {describe_json(one)}:")
        yield from tag_names(one.fields.items())


def describe_json(one: Entry) -> str:
    """Names the type of JSON that a command prints."""
    return "an array of objects" if one.is_list else "an object"


def begin_page(name: str, summary: str) -> Iterator[str]:
    """Yields the beginning of a manual page: title, name and the heading of its synopsis."""
    made = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", datetime.now(UTC).timestamp())), UTC)
    yield f'.TH {name.upper().replace("-", DASH)} {SECTION} {made:%Y-%m-%d} "mailroom {version("mailroom")}" "User Commands"\n'
    yield f".ad l\n.nh\n.SH NAME\n{name.replace('-', DASH)} \\-\n{to_roff(summary)}.SH SYNOPSIS\n"


def tag_names(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Names with what they mean beside them."""
    for name, text in pairs:
        yield f".TP\n.B {escape_roff(name)}\n{to_roff(text or name)}"


def to_roff(text: str) -> str:
    """Text of ours as lines of a man page: what is in backticks is bold, nothing begins a request."""
    lines = textwrap.wrap(re.sub(r"`([^`]*)`", r"\\fB\1\\fR", escape_roff(text)), LINE, break_long_words=False, break_on_hyphens=False)
    return "".join(f"\\&{line}\n" if line.startswith((".", "'")) else f"{line}\n" for line in lines)


def escape_roff(text: str) -> str:
    """Characters that man pages read otherwise, and those beyond ASCII."""
    text = text.replace("\\", "\\e").replace("-", DASH)
    return "".join(letter if letter.isascii() else f"\\[u{ord(letter):04X}]" for letter in text)


def option_records(command: click.Command) -> list[tuple[str, str]]:
    """The options of a command that are shown."""
    context = click.Context(command, info_name="mailroom")
    return [record for option in command.params if (record := option.get_help_record(context))]


def write_markdown_page() -> str:
    """docs/reference/cli.md."""
    lines = [HEAD, "\n", *write_table("exit code", CODES), "\n## Options of every command\n\n"]
    lines += write_table("option", option_records(mailroom))
    for title, found in list_entries(mailroom):
        lines.append(f"\n## {title}\n")
        for one in found:
            lines += write_section(one, "###")
    return "".join(lines)


def write_section(one: Entry, depth: str) -> Iterator[str]:
    """A command on that page, with those below it."""
    yield f"\n{depth} `mailroom {one.words}{' ' if one.usage else ''}{one.usage}`\n\n"
    yield "\n\n".join((*one.text, f"*{HERE}*") if one.asks else one.text) + "\n"
    if one.options:
        yield "\n"
        yield from write_table("option", one.options)
    if one.fields:
        yield f"\n`--json` is {describe_json(one)}:\n\n"
        yield from write_table("field", one.fields.items())
    for each in one.below:
        yield from write_section(each, depth + "#")


def write_table(head: str, pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Names and what they mean."""
    yield f"| {head} | |\n|---|---|\n"
    for name, text in pairs:
        yield f"| `{name.replace('|', chr(92) + '|')}` | {text.replace('|', chr(92) + '|')} |\n"
