"""The tables that a new database begins with, by the subjects of `triage/store/models`. Never changed: changes are steps."""
