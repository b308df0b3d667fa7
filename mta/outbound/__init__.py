"""Employees' outgoing mail: from its spool into the database, and what Postfix logs of it."""
