"""Schemas for employees: their own held messages, release requests, reports."""
