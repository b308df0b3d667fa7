"""Services that send as domains of ours."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from triage_api.schemas.fields import Shape
from triage_api.schemas.language import Sentence
from triage_api.schemas.vocabulary import SendingProof


class SendingService(Shape):
    """Service that sends as a domain of yours, and the records that it needs."""

    domain: Annotated[str, Field(description="yours, as the author's address has it")]
    name: Annotated[str, Field(description="a domain that it proves, else its network; empty: the rest of long reports")]
    proof: Annotated[
        SendingProof,
        Field(description="dkim, spf: DMARC passes by it; forwarded: passed on; elsewhere: proven for another domain; none: not at all"),
    ]
    proven: bool
    wanting: Annotated[bool, Field(description="Is there something to do?")]
    messages: Annotated[int, Field(description="in the last 30 days, as reported")]
    reporters: Annotated[list[str], Field(description="domains whose reports tell it")]
    last_at: Annotated[datetime, Field(description="end of the newest report")]
    needs: Sentence


class SendingServices(Shape):
    """The services, those that need something first."""

    items: list[SendingService]
    address: str
