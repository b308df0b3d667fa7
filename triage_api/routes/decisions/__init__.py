"""Routes about decisions, approvals, escalations and rejections."""
