"""Search queries: a condition that the database understands, or bad input."""

import contextlib

from sqlalchemy import create_engine, select

from triage.errors import BadInput
from triage.quarantine.search.search_condition import search_conditions
from triage.store.models.deliveries import Delivery

ENGINE = create_engine("sqlite://")
SEEDS = (
    b'from:ana@example.com -subject:"annual report" has:attachment',
    b"state:held by:maria after:2026-01-01 before:2026-12-31 proof:none",
    b"campaign:0ANBPKHPGKT0S link:example.com dept:it to:",
    b'- -- " "" from:"" -from:%_\\ \xf0\x9f\x99\x82 \xc3\x9f \xc4\xb0',
)


def one_input(data: bytes) -> None:
    """`data` is the text of the search."""
    with contextlib.suppress(BadInput):
        select(Delivery).where(*search_conditions(data.decode("utf-8", "replace"))).compile(ENGINE)
