"""Columns of messages for SQL queries; older rows have the values in JSON columns instead."""

from sqlalchemy import ColumnElement, String, cast, func
from sqlmodel import col

from triage.store.models.messages import OLD, Message

ENVELOPE, AUTHENTICATION, SUMMARY, SIGNALS = OLD


def client_address() -> ColumnElement[str]:
    """The IP address that handed a message to the company."""
    return func.coalesce(col(Message.client), ENVELOPE["client"].as_string())


def dmarc_result() -> ColumnElement[str]:
    """The word of the DMARC result."""
    return func.coalesce(col(Message.dmarc), AUTHENTICATION[("dmarc", "result")].as_string())


def dmarc_policy() -> ColumnElement[str]:
    """The policy that the author's domain publishes."""
    return func.coalesce(col(Message.dmarc_policy), AUTHENTICATION[("dmarc", "policy")].as_string())


def has_signal(name: str) -> ColumnElement[bool]:
    """Whether this signal was found in a message. Inside of JSON a quotation mark of a text has a backslash: none passes for one."""
    before = cast(SIGNALS, String).contains(f'"name": "{name}"', autoescape=True)
    return func.coalesce(col(Message.signal_names).contains(f'"{name}"', autoescape=True), before)


def named_id() -> ColumnElement[str]:
    """The Message-ID field, without its angle brackets."""
    return func.coalesce(col(Message.named_id), SUMMARY["message_id"].as_string())


def list_of_message() -> ColumnElement[str]:
    """The List-Id field."""
    return func.coalesce(col(Message.list_id), SUMMARY["list_id"].as_string())


def count_links() -> ColumnElement[int]:
    """Number of links in a message."""
    return func.coalesce(col(Message.links), func.json_array_length(SUMMARY["links"]))


def count_attachments() -> ColumnElement[int]:
    """Number of attachments of a message."""
    return func.coalesce(col(Message.attachments), func.json_array_length(SUMMARY["attachments"]))
