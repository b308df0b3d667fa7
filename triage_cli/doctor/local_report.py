"""Doctor checks that need neither the network nor other roles' secrets: the console shows their findings too."""

from collections.abc import Iterator

from triage.config.settings import Settings
from triage.errors import BadInput
from triage_cli.doctor import journal_checks, local_checks, overdue, process_checks
from triage_cli.doctor.finding import FAIL, Check, Finding

LOCAL_CHECKS: tuple[tuple[str, Check], ...] = (
    ("database", local_checks.check_database),
    ("spool", local_checks.check_spool),
    ("recipient map", local_checks.check_recipient_map),
    ("disk", local_checks.check_disk),
    ("disk", process_checks.check_network_disks),
    ("user", process_checks.check_users),
    ("clock", local_checks.check_clock),
    ("upkeep", local_checks.check_upkeep),
    ("queue", local_checks.check_delivery),
    ("retention", overdue.check_overdue),
    ("backup", overdue.check_backups),
    ("parser", local_checks.check_parser),
    ("previews", local_checks.check_drawer),
    ("codes", local_checks.check_codes),
    ("coverage", local_checks.check_coverage),
    ("staff", local_checks.check_administrators),
    ("emergency", local_checks.check_emergency),
    ("restored", local_checks.check_restore_pause),
    ("wake-ups", local_checks.check_wake_up),
    ("replica", local_checks.check_read_replica),
    ("edges", local_checks.check_edges),
    ("addresses", local_checks.unknown_recipients),
    ("directory", overdue.check_readings),
    ("journal", journal_checks.check_journal),
)


def examine_locally(settings: Settings) -> Iterator[Finding]:
    """Runs the checks that the API role may run."""
    for what, check in LOCAL_CHECKS:
        yield from run_check(what, check, settings)


def run_check(what: str, check: Check, settings: Settings) -> Iterator[Finding]:
    """Runs a check; a fault in it is a finding and does not stop the next check."""
    try:
        yield from check(settings)
    except BadInput as fault:
        yield Finding(FAIL, what, str(fault), "correct the settings; `mailroom settings` names every key")
    except Exception as fault:
        yield Finding(FAIL, what, f"check failed: {type(fault).__name__}: {fault}", "this is a bug of Mailroom: report it")
