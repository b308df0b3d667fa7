"""Second factors: what an account has, how one is set up, and how one is given."""

from typing import Annotated

from pydantic import Field

from triage_api.schemas.fields import Order, Shape, Word


class FactorCounts(Shape):
    """The second factors of an account."""

    app: Annotated[bool, Field(description="an authenticator app")]
    passkeys: int
    recovery_codes: Annotated[int, Field(description="that are left")]


class FactorAsked(Shape):
    """A sign-in that needs a second factor."""

    factors: FactorCounts
    set_up: Annotated[bool, Field(description="The account has none, and its role must have one: an app is set up first.")]
    return_to: Annotated[str, Field(description="path of the console to open afterwards")]


class FactorGiven(Order):
    """A second factor: one of these."""

    code: Annotated[Word, Field(description="of the authenticator app")] = ""
    recovery_code: Word = ""


class NewApp(Shape):
    """What an authenticator app has to know."""

    ticket: Annotated[str, Field(description="names this app until its first code comes, for ten minutes")]
    secret: Annotated[str, Field(description="base32")]
    uri: Annotated[str, Field(description="otpauth URI")]
    rows: Annotated[list[str], Field(description="rows of the URI's QR code: 1 is dark")]


class AppOrder(Order):
    """The first code of a new app."""

    ticket: Word
    code: Word


class OwnFactors(Shape):
    """Your own second factors."""

    app: bool
    recovery_codes: int
    required: Annotated[bool, Field(description="Your role must have one.")]


class RecoveryCodes(Shape):
    """Recovery codes, shown once."""

    codes: list[str]
