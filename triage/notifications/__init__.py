"""Notifications: alerts and emails to staff, the daily digest to employees."""
