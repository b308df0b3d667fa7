"""What people are told: alerts and messages to staff, the daily digest to employees."""
