"""Exit codes of commands, for scripts."""

DONE, REFUSED, USAGE, LATER = 0, 1, 2, 75  # sysexits.h calls 75 EX_TEMPFAIL
