"""`python -m triage_cli` is `mailroom`; `python -m triage_cli parse` and `draw` are sandboxes, and import no command."""

import sys

from triage_cli.services import sandboxes

if len(sys.argv) == 2 and sys.argv[1] in sandboxes.FUNCTIONS:
    sys.exit(sandboxes.serve_connection(sys.argv[1]))

from triage_cli.main import main

main()
