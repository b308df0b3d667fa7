"""`python -m triage_cli` is `mailroom`."""

from triage_cli.main import main

main()
