"""Goals of the benchmarks: a program reports what it measured, and `bench.rounds.verdict` shows all together."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.rounds import printing

MEASURED = Path(os.environ.get("MAILROOM_MEASURED", "var/bench"))  # a file for each program, of its last run


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound, and on which side of it a figure is to be."""

    words: str
    bound: float
    unit: str = "×"
    at_most: bool = False

    def met(self, measured: float) -> bool:
        """Whether this good is enough."""
        return measured <= self.bound if self.at_most else measured >= self.bound

    def shown(self, figure: float) -> str:
        """A figure in its unit."""
        return f"{figure:,.{2 if abs(figure) < 10 else 1 if abs(figure) < 100 else 0}f} {self.unit}".strip()

    @property
    def wanted(self) -> str:
        """The bound in words."""
        return f"{'≤' if self.at_most else '≥'} {round(self.bound, 2):,} {self.unit}".strip()


def at_most(words: str, bound: float, unit: str = "ms") -> Goal:
    """The less the better."""
    return Goal(words, bound, unit, at_most=True)


GOALS: Mapping[str, Goal] = {
    "receive.one": Goal("receive, one message a connection, to Postfix", 1.5),
    "receive.again": Goal("receive, connections used again, to Postfix", 1.6),
    "receive.cpu-one": at_most("receive, processor time, one message a connection", 1.0),
    "receive.cpu-again": at_most("receive, processor time, connections used again", 0.5),
    "pipeline.opendkim": Goal("the whole way in, filed, to Postfix with OpenDKIM", 3.5),
    "pipeline.rspamd": Goal("the whole way in, filed, to Postfix with Rspamd", 2.4),
    "pipeline.cpu": at_most("the whole way in, processor time", 3.2),
    "judges.cpu": at_most("four judges to one, a full spool, PostgreSQL, processor time", 1.1, "×"),
    "judges.waiting": at_most("four judges, a full spool, PostgreSQL, part of their time waiting for locks", 2, "%"),
    "mail_auth.cpu": at_most("who sent it, 20 KB, answers cached, processor time", 0.6),
    "mail_auth.hostile": at_most("who sent it, the worst hostile mail", 500),
    "arrival.half": at_most("allowed mail on its way, half load, p50", 40),
    "arrival.half-p99": at_most("allowed mail on its way, half load, p99", 120),
    "arrival.burst-p99": at_most("10,000 messages in a minute, p99 of the 250", 500),
    "arrival.burst-judged": at_most("10,000 messages in a minute, until all are judged", 120, "s"),
    "relay.cpu": at_most("relay into Dovecot, own processor time", 0.6),
    "relay.together": at_most("relay, one message to 600 people", 6, "transactions"),
    "purge.purge": at_most("purge of 500 of 1,000,000", 100),
    "purge.undo": at_most("undoing it", 100),
    "purge.many": at_most("purge of 50,000 of 1,000,000", 3, "s"),
    "purge.many-undo": at_most("undoing it ", 3, "s"),
    "recall.search": at_most("recall of 500 out of 600 mailboxes, cold, to the IMAP search", 0.7, "×"),
    "recall.growth": at_most("recall, from 100 to 2,000 messages a mailbox", 2.0, "×"),
    "rows.p99": at_most("a page of rows or folders at 1,000,000, the slowest p99", 25),
    "rows.growth": at_most("a page of rows, from 10,000 to 1,000,000", 2.0, "×"),
    "search.p99": at_most("search at 1,000,000, the slowest p99", 60),
    "campaigns.assign": at_most("a message is assigned among 1,000,000 campaigns, the slowest mean", 3),
    "seed.imapclient": Goal("seeding over IMAP, to imapclient", 1.3),
    "seed.floor": Goal("seeding over IMAP, to signing in", 0.7),
    "seed.maildir": Goal("seeding from Maildirs", 40_000, "messages/s"),
    "directory.small": at_most("directory of 10,000 people, nothing changed", 1.5, "s"),
    "directory.large": at_most("directory of 50,000 people, nothing changed", 8, "s"),
    "directory.memory": at_most("directory of 50,000 people, most memory", 300, "MB"),
    "memory.receive": at_most("memory after 1,000,000 messages, receive", 40, "MB"),
    "memory.judge": at_most("memory after 1,000,000 messages, judge", 200, "MB"),
    "memory.growth": at_most("memory, from 200,000 to 1,000,000 messages, the process that grew most", 1.1, "×"),
    "console.key": at_most("console, key to the whole next message painted, p95", 50),
    "console.rows": at_most("console, first rows painted", 0.6, "s"),
    "console.rows-slow": at_most("console, first rows painted, processor 4 × slower", 1.2, "s"),
    "console.end": at_most("console, to the end of the list, p95", 100),
    "console.load": at_most("console, what the first load fetches, compressed", 150, "kB"),
    "hands.keys": at_most("hands, keys a decided row", 1.5, "keys"),
    "hands.paint": at_most("hands, key to what it asks for painted, p95", 50),
    "hands.released": at_most("hands, dangerous messages released", 0, "messages"),
    "hands.careless": at_most("hands, careless keys that released a dangerous message, one or two of them", 0, "times"),
    "hands.removed": at_most("hands, wanted messages removed", 0, "messages"),
    "hands.questions": at_most("hands, questions before a wanted release, in 100 decided rows", 3, "questions"),
    "start.greets": at_most("start until 220, 100,000 messages in the spool", 1, "s"),
    "start.page": at_most("start until the first page, 100,000 messages in the spool", 3, "s"),
    "start.version": at_most("mailroom --version, processor time", 0.15, "s"),
    "start.help": at_most("mailroom --help, processor time", 0.3, "s"),
    "start.asks": at_most("a question to the API that runs, the slowest, processor time", 0.5, "s"),
    "start.asks-alone": at_most("a question without an API, the slowest, processor time", 1.0, "s"),
    "start.doctor": at_most("mailroom doctor, processor time", 1.0, "s"),
}


def print_goals(measured: Mapping[str, float], *, of: int = 1, whole: int = 1) -> None:
    """Print what was measured of the goals of this program, and keep it for the verdict.

    `of`: with how much that was, where the goal is about `whole`.
    """
    rows = [(goal.words, goal.wanted, goal.shown(figure), judge_figure(goal, figure)) for goal, figure in find_goals(measured)]
    printing.print_table(("goals", "wanted", "measured", ""), rows)
    MEASURED.mkdir(parents=True, exist_ok=True)
    program = Path(sys.argv[0]).stem
    (MEASURED / f"{program}.json").write_text(json.dumps({"measured": dict(measured), "of": of, "whole": whole}, indent=1))


def find_goals(measured: Mapping[str, float]) -> list[tuple[Goal, float]]:
    """Figures with their goals; KeyError for a goal that nobody set."""
    return [(GOALS[name], figure) for name, figure in measured.items()]


def judge_figure(goal: Goal, figure: float) -> str:
    """In a word."""
    return "met" if goal.met(figure) else "missed"
