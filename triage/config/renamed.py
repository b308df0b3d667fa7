"""Names of earlier versions in settings, directory files and events, and what to write today. Pure."""

from collections.abc import Collection

RENAMED = {  # keys of earlier versions, and what to write today
    ("company", "mode"): 'enforcement; write "hold-unknown" for enforce, "record-only" for observe',
    ("company", "observe_departments"): "record_only_departments",
    ("smtp", "inside_networks"): "internal_networks",
    ("mirror", "desks"): "act_as",
    ("directory", "sealed"): "confidential",
    ("directory", "closed_groups"): "closed_lists",
    ("directory", "patience"): "sync_timeout",
    ("audit", "every"): "checkpoint_seconds",
    ("reports", "fewest"): "least_people",
    ("policy", "two_keys"): "approvals",
    ("policy", "two_keys_purge"): "approval_purge_copies",
    ("policy", "two_keys_mailboxes"): "approval_mailboxes",
    ("policy", "standing_hours"): "late_copies_hours",
    ("notices", "staff"): "alerts",
    ("notices", "at_night"): "alerts_at_night",
    ("notices", "told"): "alert_recipients",
    ("notices", "removal_told"): "removal_recipients",
    ("notices", "new_place"): "new_sign_in_address",
    ("notices", "queue_minutes"): "outgoing_minutes",
    ("notices", "queue_bounces"): "outgoing_bounces",
}
RENAMED_SECTIONS = {"cover": "[coverage]"}
RENAMED_OF_DIRECTORY = {"sealed": "confidential", "sealed_staff": "confidential_staff"}  # keys of the directory's TOML file
RENAMED_VALUES = {  # out of hours, alerts, events of webhooks, a check of the doctor
    "pass-perishable": "pass-time-limited",
    "perishable": "time-limited",
    "queue": "outgoing",
    "let-in": "suspicious-delivered",
    "perishable.waiting": "time-limited.waiting",
    "queue.alarm": "outgoing.alert",
    "mail.expiring": "message.expiring",
    "mail.unseen": "message.unseen",
    "mail.requested": "message.requested",
    "mail.reported": "message.reported",
    "mail.suspicious": "message.suspicious",
    "cover": "coverage",
}


def hint_renamed(today: str | None) -> str:
    """Returns the hint to write a setting's new name; "" where the name never was one."""
    return f"; it is now {today}" if today else ""


def hint_renamed_value(value: str, known: Collection[str]) -> str:
    """Returns the hint to write a value's new name, where that is one of `known`; "" else."""
    today = RENAMED_VALUES.get(value)
    return hint_renamed(today) if today in known else ""
