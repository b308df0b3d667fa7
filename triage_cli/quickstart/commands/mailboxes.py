"""Prints the mailboxes of `mailroom people list --csv` from standard input; with an argument those of one department."""

import csv
import sys

if __name__ == "__main__":
    for row in csv.DictReader(sys.stdin):
        if sys.argv[1:] in ([], [row["department"]]):
            sys.stdout.write(row["mailbox"] + "\n")
