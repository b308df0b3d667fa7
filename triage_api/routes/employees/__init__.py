"""Routes for employees: their own held mail, release requests, reports."""
