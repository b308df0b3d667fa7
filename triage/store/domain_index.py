"""Messages of a domain and of what lies below it, found by an index: none finds what ends alike, so the names are looked for first."""

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from triage.store.db import Found
from triage.store.models.deliveries import Delivery


def of_domain(domain: str) -> ColumnElement[bool]:
    """SQL condition for deliveries from this domain, or from one below it."""
    return Found(col(Delivery.author_domain), names_of(domain))


def names_of(domain: str) -> Select[str]:
    """The domains of all messages that are this one or lie below it, from the index of domains alone."""
    name = col(aliased(Delivery).author_domain)
    return select(name).where(or_(name == domain, name.endswith("." + domain, autoescape=True))).distinct()
