"""What employees say: release requests, reports of suspicious messages, expected senders."""
