"""Reports and forecasts: counts by day, metrics of mail and staff, numbers for monitoring."""
