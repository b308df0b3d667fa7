"""Requests of employees: release requests, reports of suspicious messages, expected senders."""
