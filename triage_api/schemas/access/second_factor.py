"""Second factors: what an account has, how one is set up, and how one is given."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from triage_api.schemas.fields import Order, Shape, Word
from triage_api.schemas.language import Sentence


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
    ticket: Annotated[Word, Field(description="of the passkey's options, where they had one")] = ""
    passkey: Annotated[dict[str, Any] | None, Field(description="PublicKeyCredential.toJSON()")] = None


class NewApp(Shape):
    """Data for an authenticator app."""

    ticket: Annotated[str, Field(description="names this app until its first code comes, for ten minutes")]
    secret: Annotated[str, Field(description="base32")]
    uri: Annotated[str, Field(description="otpauth URI")]
    rows: Annotated[list[str], Field(description="rows of the URI's QR code: 1 is dark")]


class AppOrder(Order):
    """The first code of a new app."""

    ticket: Word
    code: Word


class PasskeyOptions(Shape):
    """Options for a browser to make or use a passkey."""

    ticket: Annotated[str, Field(description="comes back with the browser's answer, within ten minutes")]
    options: Annotated[dict[str, Any], Field(description="for PublicKeyCredential.parse…OptionsFromJSON()")]


class PasskeyOrder(Order):
    """A passkey that a browser has made."""

    ticket: Word
    name: Annotated[Word, Field(description="by which you know it, such as the device")] = ""
    passkey: Annotated[dict[str, Any], Field(description="PublicKeyCredential.toJSON()")]


class PasskeySignIn(Order):
    """A passkey that shall sign somebody in."""

    ticket: Word
    passkey: Annotated[dict[str, Any], Field(description="PublicKeyCredential.toJSON()")]


class PasskeyShown(Shape):
    """A passkey."""

    credential_id: str
    name: str
    made_at: datetime
    used_at: datetime | None


class OwnFactors(Shape):
    """Your own second factors."""

    app: bool
    passkeys: list[PasskeyShown]
    no_passkeys: Annotated[Sentence | None, Field(description="Why no passkey can be made here.")] = None
    recovery_codes: int
    required: Annotated[bool, Field(description="Your role must have one.")]


class RecoveryCodes(Shape):
    """Recovery codes, shown once."""

    codes: list[str]
