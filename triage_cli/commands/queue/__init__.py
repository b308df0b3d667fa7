"""Commands that list: deliveries, campaigns, searches, requests, training."""
