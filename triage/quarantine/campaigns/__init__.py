"""Campaigns: messages that are the same thing sent many times, and mail bombs."""
