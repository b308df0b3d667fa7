"""The library's private members are looked at when the server starts: a release that changed one is refused by its name."""

import ast
import asyncio
import gc
import inspect
import re
import weakref
from typing import Any

import aiosmtpd
import pytest
from aiosmtpd import smtp

from mta.session import smtp_library
from mta.session.smtp_library import IN_OUR_WORDS, LibrarySession, changed_members, check_library
from tests.mta.session.in_memory import House


def test_the_pinned_version_is_the_installed_one() -> None:
    assert aiosmtpd.__version__ == smtp_library.PINNED
    assert list(changed_members(smtp.SMTP)) == []


def test_a_member_that_is_gone_is_named() -> None:
    class Later:
        """A release without any of them."""

    with pytest.raises(ImportError, match=r"aiosmtpd 1\.9 is not the 1\.4\.6 .*Later\._handle_client is gone.*install aiosmtpd==1\.4\.6"):
        check_library(Later, "1.9")


def test_a_member_that_works_in_another_way_is_named() -> None:
    class Later(smtp.SMTP):
        """A release whose loop reads otherwise."""

        async def _handle_client(self) -> None:
            line = await self._reader.readline()
            await self.push(line)

    with pytest.raises(ImportError, match=r"Later\._handle_client without .*readuntil"):
        check_library(Later, "1.9")


def test_every_private_member_that_is_touched_is_in_the_list() -> None:
    """The test covers every member of the library that this class overrides or reads by a name with an underscore."""
    inherited = {name for name in vars(LibrarySession) if hasattr(smtp.SMTP, name)} - set(dir(object)) - {"__annotations__"}
    listed = set(smtp_library.PRIVATE) | {name for used in smtp_library.PRIVATE.values() for name in used}
    streams = set(dir(asyncio.StreamReaderProtocol))
    for one in asyncio.StreamReaderProtocol.__mro__[:-1]:
        streams |= set(getattr(vars(one).get("__init__"), "__code__", changed_members.__code__).co_names)
    assert inherited - listed - streams <= {"command_size_limit"}
    tree = ast.parse(inspect.getsource(smtp_library))
    asked = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and re.match("_[^_]", node.attr)}
    assert asked <= listed | streams


def test_what_the_library_says_is_said_in_our_words() -> None:
    """Each reply of the commands that are left to it."""
    for name in ("smtp_RSET", "smtp_NOOP", "smtp_QUIT", "smtp_EXPN"):
        tree = ast.parse(inspect.cleandoc("\n" + inspect.getsource(getattr(smtp.SMTP, name))))
        said: set[Any] = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        replies = {text for text in said if isinstance(text, str) and text[:3].isdigit()}
        assert replies
        assert replies <= set(IN_OUR_WORDS)


def test_a_session_is_freed_when_its_connection_is_gone() -> None:
    """Without the garbage collector: half a million sessions a day would wait for it."""
    with House() as house:
        gc.collect()
        gc.disable()
        try:
            client = house.client()
            client.say(b"EHLO c\r\nQUIT\r\n")
            gone = weakref.ref(client.protocol)
            house.clients.clear()
            del client
            assert gone() is None
        finally:
            gc.enable()
