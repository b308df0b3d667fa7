"""What every role needs, imported once in the process that roles are forked from (`triage_cli.nursery`). Nothing else imports this."""

import gc
import os
import signal

from triage import content, door, entering, hooks, journal, leaving, telegraph
from triage_cli import main, roles

SHARED = (content, door, entering, hooks, journal, leaving, telegraph, main, roles)
MOTHER = os.getpid()

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # told together with its children it waits for them, and tells how they end
gc.freeze()  # what is shared is not written to by a collection
