"""Commands for operators: database, backup, restore, queue, spool, webhooks, demo."""
