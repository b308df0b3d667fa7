"""`mailroom staff add`, `remove`, `password`, `sign-out`, `reset-second-factor`: accounts and sessions. On Mailroom's machine only."""

import sys

import click

from triage.access import accounts, break_glass, password_policy, sessions
from triage.access.accounts import Account
from triage.access.second_factor import factor_policy
from triage.access.staff_login import hash_password
from triage.actor import Right, Role
from triage.config.settings import Settings
from triage.errors import BadInput
from triage.text.numbers import format_count
from triage.times import utcnow
from triage_cli.client.client_option import settings_of
from triage_cli.client.local_setup import open_transaction, shell_user
from triage_cli.commands.selection_options import read_scope
from triage_cli.output.tables import json_sentences, say

RIGHT = click.Choice([one.value for one in Right])
STDIN = click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking for it.")


@click.command("add")
@click.argument("login")
@click.option("--name", default="", help="Full name. Default: the login.")
@click.option("--role", type=click.Choice([one.value for one in Role]), default=Role.TRIAGE.value, show_default=True)
@click.option("--scope", callback=read_scope, multiple=True, required=True, help="company, a folder or person:UID; repeat for several.")
@click.option("--right", "rights", multiple=True, type=RIGHT, help="Additional right; repeat for several.")
@STDIN
@json_sentences
@click.pass_context
def add_staff(
    ctx: click.Context, login: str, name: str, role: str, scope: tuple[str, ...], rights: tuple[str, ...], password_stdin: bool
) -> None:
    """Add an account with a password. The directory sync does not change it."""
    settings = settings_of(ctx)
    refuse_elsewhere(settings)
    hashed = hash_new_password(login, from_stdin=password_stdin)
    account = Account(login, name, role, scope, rights)
    made = open_transaction(settings, lambda session: accounts.add_account(session, account, hashed, by=shell_user(), now=utcnow()))
    say(f"{made} can sign in")


@click.command("rights")
@click.argument("login")
@click.argument("rights", nargs=-1, metavar="[RIGHT]...", type=RIGHT)
@json_sentences
@click.pass_context
def give_rights(ctx: click.Context, login: str, rights: tuple[str, ...]) -> None:
    """Set the rights of an account.

    remove-delivered: removes delivered messages from mailboxes without approval. data-protection: sees who viewed messages.
    hunt: searches all mailboxes, with a second person. outgoing: decides about employees' messages that the brake holds.
    """
    open_transaction(settings_of(ctx), lambda session: accounts.give_rights(session, login, rights, by=shell_user(), now=utcnow()))


@click.command("remove")
@click.argument("login")
@json_sentences
@click.pass_context
def remove_staff(ctx: click.Context, login: str) -> None:
    """Remove an account that was added here. Its sessions end at once."""
    settings = settings_of(ctx)
    open_transaction(
        settings, lambda session: accounts.remove_account(session, login, by=shell_user(), now=utcnow(), ways=settings.api.sign_in)
    )


@click.command("password")
@click.argument("login", required=False)
@STDIN
@json_sentences
@click.pass_context
def password_of(ctx: click.Context, login: str | None, password_stdin: bool) -> None:
    """Change the password of an account that was added here. Without a login: print a hash for the directory file."""
    hashed = hash_new_password(login or "", from_stdin=password_stdin)
    if login is None:
        return say(hashed)
    settings = settings_of(ctx)
    refuse_elsewhere(settings)
    open_transaction(settings, lambda session: accounts.set_password(session, login, hashed, by=shell_user(), now=utcnow()))
    return None


@click.command("sign-out")
@click.argument("login")
@json_sentences
@click.pass_context
def sign_out(ctx: click.Context, login: str) -> None:
    """End all sessions of an account."""
    ended = open_transaction(settings_of(ctx), lambda session: sessions.end_all(session, by=shell_user(), login=login, now=utcnow()))
    say(f"{format_count(ended, 'session')} ended")


@click.command("break-glass")
@click.argument("login")
@json_sentences
@click.pass_context
def break_glass_staff(ctx: click.Context, login: str) -> None:
    """Prepare an account for emergencies: it opens once with the code that is printed here, and with no password."""
    first, second = open_transaction(
        settings_of(ctx), lambda session: break_glass.prepare_break_glass(session, login, by=shell_user(), now=utcnow())
    )
    say(f"first half:  {first}\nsecond half: {second}")


@click.command("reset-second-factor")
@click.argument("login")
@json_sentences
@click.pass_context
def reset_second_factor(ctx: click.Context, login: str) -> None:
    """Remove the second factors of somebody who lost them; their sessions end."""
    gone = open_transaction(settings_of(ctx), lambda session: factor_policy.reset_factors(session, login, by=shell_user(), now=utcnow()))
    say(f"{format_count(gone, 'second factor')} removed; {login} signs in without one, or sets up a new one where the role must have one")


def refuse_elsewhere(settings: Settings) -> None:
    """BadInput where passwords of our own do not count."""
    if "local" not in settings.api.sign_in:
        ways = ", ".join(settings.api.sign_in)
        raise BadInput(f'staff do not sign in with passwords kept here ([api] sign_in is {ways}): add "local" to it, or name staff there')


def hash_new_password(login: str, *, from_stdin: bool) -> str:
    """The hash of a new password. BadInput says why it is refused."""
    password = read_password() if from_stdin else click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    if why := password_policy.find_password_fault(password, login):
        raise BadInput(f"{why}; choose another, such as four words that nobody else would put together")
    return hash_password(password)


def read_password() -> str:
    """The first line of standard input."""
    return sys.stdin.readline().rstrip("\r\n")
