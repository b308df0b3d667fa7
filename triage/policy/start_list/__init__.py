"""Start list: companies whose confirmations and sign-in codes every firm gets, each with its domains and the source that names them.

A listed sender is only offered. It is allowed by a person, and only where its own proven messages were seen in this company.
"""
