"""`mailroom staff link`, `unlink`, `lock`, `unlock`: accounts of those who sign in at an identity provider. On Mailroom's machine only."""

import click

from triage.access import external_accounts
from triage.addressing.envelope import fold_text
from triage.config.identity_providers import find_provider
from triage.errors import BadInput, NotFound
from triage.text.numbers import format_count
from triage.times import utcnow
from triage_cli.client.client_option import settings_of
from triage_cli.client.local_setup import open_transaction, shell_user
from triage_cli.output.tables import json_sentences, say


@click.command("link")
@click.argument("login")
@click.argument("provider")
@click.argument("sub")
@json_sentences
@click.pass_context
def link_identity(ctx: click.Context, login: str, provider: str, sub: str) -> None:
    """Link an account to an identity provider. SUB: the user's permanent identifier there."""
    settings = settings_of(ctx)
    known = find_provider(settings.identity.providers, provider)
    if known is None:
        there = ", ".join(one.name for one in settings.identity.providers) or "none"
        raise BadInput(f'[identity] has no provider "{provider}"; it has {there}')
    open_transaction(settings, lambda session: external_accounts.link_identity(session, login, known, sub, by=shell_user(), now=utcnow()))


@click.command("unlink")
@click.argument("login")
@json_sentences
@click.pass_context
def unlink_identities(ctx: click.Context, login: str) -> None:
    """Unlink an account from its identity providers; its sessions by a provider end."""
    name = fold_text(login.strip())
    gone = open_transaction(
        settings_of(ctx), lambda session: external_accounts.unlink_identities(session, name, by=shell_user(), now=utcnow())
    )
    if not gone:
        raise NotFound(f'no identity is linked to "{login}"')
    say(f"{format_count(gone, 'link')} removed")


@click.command("lock")
@click.argument("login")
@json_sentences
@click.pass_context
def lock_account(ctx: click.Context, login: str) -> None:
    """Lock an account that an identity provider made. Its sessions end."""
    open_transaction(settings_of(ctx), lambda session: external_accounts.lock_account(session, login, by=shell_user(), now=utcnow()))


@click.command("unlock")
@click.argument("login")
@json_sentences
@click.pass_context
def unlock_account(ctx: click.Context, login: str) -> None:
    """Unlock an account: the next sign-in at the provider opens it, if its groups still give it a role."""
    open_transaction(settings_of(ctx), lambda session: external_accounts.unlock_account(session, login, by=shell_user(), now=utcnow()))
