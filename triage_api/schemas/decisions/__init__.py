"""Schemas about decisions, approvals, escalations and rejections."""
