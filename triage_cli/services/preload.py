"""Imports that every role needs, made once in the process that roles are forked from (`triage_cli.services.forkserver`)."""

import gc
import os
import signal

from sqlalchemy.orm import configure_mappers

from triage.access import staff_members
from triage.config import webhooks
from triage.delivery import journal, queue
from triage.directory import leaver_policy, recipient_map
from triage.message import summary
from triage.policy import replay
from triage.store import new_rows, pg_notify
from triage_cli import main
from triage_cli.services import roles

SHARED = (summary, recipient_map, new_rows, webhooks, journal, leaver_policy, pg_notify, staff_members, queue, replay, main, roles)
MOTHER = os.getpid()

configure_mappers()  # else each role does it at its first query
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # told together with its children it waits for them, and tells how they end
gc.freeze()  # what is shared is not written to by a collection
