"""Signing in at an identity provider."""

from typing import Annotated

from pydantic import Field

from triage_api.schemas.access.session import PinHolder, ProviderShown
from triage_api.schemas.fields import Order, Shape, Word
from triage_api.schemas.language import Sentence


class SignInWays(Shape):
    """Ways to sign in that this server offers to staff."""

    password: bool
    passkey: Annotated[bool, Field(description="With a passkey alone, where the console has a name.")] = False
    proxy: Annotated[str, Field(description="The login that the proxy in front of the console names; empty: none.")] = ""
    break_glass: Annotated[bool, Field(description="Is there an account with a printed code?")]
    providers: list[ProviderShown]
    pins: Annotated[list[PinHolder], Field(description="Whose locked sessions a PIN opens in this browser now.")] = []


class ProviderSignIn(Order):
    """Page of the console to return to after sign-in."""

    return_to: Annotated[Word, Field(description="A path of the console; anything else is the queue.")] = "/"
    fresh: Annotated[bool, Field(description="Let the provider ask again who this is, as for acts that need a fresh sign-in.")] = False


class Elsewhere(Shape):
    """URL to which the browser goes next."""

    url: str


class SignInOutcome(Shape):
    """Outcome of a sign-in at a provider."""

    refused: Annotated[Sentence, Field(description="Reason for the refusal, and what to do.")]
