"""Routes for employees: their own held messages, release requests, reports."""
