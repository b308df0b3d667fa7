"""Recall: messages taken out of mailboxes and put back."""
