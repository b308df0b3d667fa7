"""`mailroom completion`: lets a shell complete commands, options and states."""

import click
from click.shell_completion import get_completion_class

from triage_cli.main import mailroom

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_MAILROOM_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the shell completion.

    In ~/.bashrc or ~/.zshrc: eval "$(mailroom completion bash)", or zsh. In config.fish: mailroom completion fish | source.
    """
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(mailroom, {}, "mailroom", VARIABLE).source())
