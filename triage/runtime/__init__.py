"""Processes and the operating system: wake-up pipes, systemd, metrics, sandboxes, durable files, backups of the spool."""
