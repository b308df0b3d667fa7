"""Brakes on outgoing messages: how many new recipients an employee's account writes to, and which messages wait therefore."""
