"""Parses a Sieve script into commands with line numbers: the grammar of RFC 5228, section 8, whatever the commands mean. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from triage.text.sanitize import escape_visible

DEEPEST = 20  # commands and tests inside one another
MULTIPLES = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<comment>\#[^\n]*|/\*.*?\*/)"
    r"|(?P<lines>text:[ \t]*(?:\#[^\n]*)?\r?\n(?:(?!\.\r?(?:\n|\Z))[^\n]*\n)*\.\r?(?:\n|\Z))"
    r'|(?P<string>"(?:[^"\\]|\\.)*")'
    r"|(?P<number>[0-9]+[KMGkmg]?(?![A-Za-z_]))"
    r"|(?P<tag>:[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign>[;,(){}\[\]])",
    re.S,
)


class NoScript(Exception):
    """Says why a text is no Sieve script, or why a part of it is no rule; `line` counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line, self.reason = line, reason


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a script."""

    kind: str  # string, number, tag, name, sign; end
    text: str  # of a string what it stands for
    line: int
    comment: str = ""  # lines of comment straight before it


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument: a tag such as :is, a number, or strings."""

    kind: str  # tag, number, strings
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A command or a test."""

    name: str
    line: int
    arguments: tuple[Argument, ...] = ()
    tests: tuple["Node", ...] = ()
    block: tuple["Node", ...] | None = None  # of a command
    comment: str = ""


def parse_script(text: str) -> tuple[Node, ...]:
    """The commands of a script. NoScript where it is none."""
    return Parser(tuple(read_tokens(text.removeprefix("\ufeff")))).read_script()


def read_tokens(text: str) -> Iterator[Token]:
    """The words of a script, each with the comment before it; last the end."""
    place, line, comment = 0, 1, ""
    while place < len(text):
        found = TOKEN.match(text, place)
        if found is None:
            raise NoScript(line, f"cannot be read from {escape_visible(text[place : place + 20])!r} on: close quotes and comments")
        kind, word = str(found.lastgroup), found[0]
        if kind == "space":
            comment = "" if "\n" in word.partition("\n")[2] else comment  # an empty line parts a comment from what follows
        elif kind == "comment":
            comment = " ".join((comment, *(word[1:] if word.startswith("#") else word[2:-2]).split())).strip()
        else:
            yield make_token(kind, word, line, comment)
            comment = ""
        place, line = found.end(), line + word.count("\n")
    yield Token("end", "the end", line)


def make_token(kind: str, word: str, line: int, comment: str) -> Token:
    """A word as a token: strings unquoted (2.4.2), numbers multiplied (2.4.1), names folded."""
    if kind == "string":
        return Token(kind, re.sub(r"\\(.)", r"\1", word[1:-1], flags=re.S), line, comment)
    if kind == "lines":
        lines = word.split("\n", 1)[1].rstrip("\r\n").removesuffix(".")
        return Token("string", re.sub(r"^\.\.", ".", lines, flags=re.M), line, comment)
    if kind == "number":
        times = MULTIPLES.get(word[-1].lower(), 1)
        return Token(kind, str(int(word.rstrip("KMGkmg")) * times), line, comment)
    return Token(kind, word.lower() if kind in ("name", "tag") else word, line, comment)


@dataclass(slots=True)
class Parser:
    """Reads tokens as commands."""

    tokens: Sequence[Token]
    place: int = 0

    def read_script(self) -> tuple[Node, ...]:
        """All commands."""
        commands = self.read_commands(0)
        if self.next.kind != "end":
            self.refuse("a command")
        return commands

    @property
    def next(self) -> Token:
        """The token that is read next."""
        return self.tokens[self.place]

    def take(self) -> Token:
        """The next token, which is read now."""
        self.place += 1
        return self.tokens[self.place - 1]

    def takes(self, sign: str) -> bool:
        """Whether the next token is this sign, which is read then."""
        if (self.next.kind, self.next.text) != ("sign", sign):
            return False
        self.place += 1
        return True

    def expect(self, sign: str) -> None:
        """Read this sign."""
        if not self.takes(sign):
            self.refuse(f'"{sign}"')

    def refuse(self, wanted: str) -> None:
        """NoScript: something else stands here."""
        raise NoScript(self.next.line, f"{wanted} is expected, not {escape_visible(self.next.text[:40])!r}")

    def read_commands(self, depth: int) -> tuple[Node, ...]:
        """Commands up to the end of their block."""
        found = []
        while self.next.kind == "name":
            found.append(self.read_command(depth))
        return tuple(found)

    def read_command(self, depth: int) -> Node:
        """A command with its block or its semicolon."""
        node = self.read_node(depth)
        if self.takes(";"):
            return node
        self.expect("{")
        block = self.read_commands(depth + 1)
        self.expect("}")
        return replace(node, block=block)

    def read_node(self, depth: int) -> Node:
        """A name with its arguments and tests."""
        if depth > DEEPEST:
            raise NoScript(self.next.line, f"more than {DEEPEST} tests or blocks are inside one another")
        name = self.take()
        arguments = tuple(self.read_arguments())
        return Node(name.text, name.line, arguments, tuple(self.read_tests(depth + 1)), comment=name.comment)

    def read_arguments(self) -> Iterator[Argument]:
        """Tags, numbers, strings and lists of strings."""
        while True:
            if self.next.kind in ("tag", "number"):
                yield Argument(self.next.kind, (self.take().text,))
            elif self.next.kind == "string":
                yield Argument("strings", (self.take().text,))
            elif self.takes("["):
                yield Argument("strings", tuple(self.read_strings()))
            else:
                return

    def read_strings(self) -> Iterator[str]:
        """The strings of a list, up to its end."""
        while True:
            if self.next.kind != "string":
                self.refuse("a string")
            yield self.take().text
            if not self.takes(","):
                self.expect("]")
                return

    def read_tests(self, depth: int) -> Iterator[Node]:
        """Reads one test, or several in brackets."""
        if self.takes("("):
            while True:
                yield self.read_test(depth)
                if not self.takes(","):
                    self.expect(")")
                    return
        elif self.next.kind == "name":
            yield self.read_node(depth)

    def read_test(self, depth: int) -> Node:
        """A test in brackets."""
        if self.next.kind != "name":
            self.refuse("a test")
        return self.read_node(depth)
