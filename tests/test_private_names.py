"""Private members of libraries: each that is used is listed here by its owner, and the installed version has it."""

import ast
import asyncio
import imaplib
import inspect
import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import aiosmtpd.smtp
import imapclient  # type: ignore[import-untyped]
import pytest
import urllib3.connection

ROOT = Path(__file__).parent.parent
PACKAGES = ("demo", "directory_sync", "identity", "mail_auth", "mailboxes", "mta", "triage", "triage_api", "triage_cli", "webhooks")
PUBLIC = {"_asdict", "_fields", "_make", "_mapping", "_replace", "_exit"}  # named tuples, rows of SQLAlchemy, os._exit: documented
PINNED = {
    imaplib.IMAP4: {
        "_cmd_log",
        "_cmd_log_idx",
        "_cmd_log_len",
        "_command",
        "_command_complete",
        "_connect",
        "_get_capabilities",
        "_get_response",
        "_new_tag",
        "_simple_command",
        "_untagged_response",
    },
    imapclient.IMAPClient: {"_create_IMAP4", "_imap", "_normalise_folder", "_proc_folder_list", "_timeout"},
    asyncio.StreamReaderProtocol: {"_drain_helper", "_paused"},
    aiosmtpd.smtp.SMTP: {"_handle_client", "_handler_coroutine", "_reset_timeout", "_set_rset_state"},
    urllib3.connection.HTTPConnection: {"_new_conn"},
    logging: {"_srcfile"},
}


@cache
def names_in_product() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Returns the private attributes that the product reads, those that it defines, and what it imports of prometheus_client."""
    read: set[str] = set()
    made: set[str] = set()
    imported: set[str] = set()
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("prometheus_client"):
                imported |= {f"{node.module}.{one.name}" for one in node.names}
            name, is_made = name_of(node)
            if name.startswith("_") and not name.startswith("__"):
                (made if is_made else read).add(name)
    return frozenset(read - PUBLIC), frozenset(made), frozenset(imported)


def name_of(node: ast.AST) -> tuple[str, bool]:
    """Returns the attribute or function that a node names, and whether the node defines it."""
    if isinstance(node, ast.Attribute):
        return node.attr, isinstance(node.ctx, ast.Store)
    return (node.name, True) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else ("", False)


def members_of(owner: object) -> Iterator[str]:
    """Returns the names of a class or module, and those that its methods assign."""
    yield from dir(owner)
    for base in getattr(owner, "__mro__", ())[:-1]:
        for node in ast.walk(ast.parse(inspect.getsource(base))):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                yield node.attr


@pytest.mark.parametrize("owner", PINNED, ids=lambda owner: owner.__name__)
def test_the_installed_library_has_each_private_member_that_is_used(owner: object) -> None:
    read, made, _ = names_in_product()
    assert set(PINNED[owner]) - set(members_of(owner)) == set()
    assert set(PINNED[owner]) - read - made == set(), "no longer used"


def test_no_other_private_member_of_a_library_is_used() -> None:
    read, made, _ = names_in_product()
    pinned = set().union(*PINNED.values())
    overridden = made & set().union(*(dir(owner) for owner in PINNED if inspect.isclass(owner)))
    assert (read - made) | overridden <= pinned


def test_prometheus_client_is_used_by_public_names_alone() -> None:
    _, _, imported = names_in_product()
    assert imported
    assert [name for name in imported if "._" in name] == []
