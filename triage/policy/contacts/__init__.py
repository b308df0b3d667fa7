"""Contacts: outside addresses that employees have written to, and what is known of senders."""
