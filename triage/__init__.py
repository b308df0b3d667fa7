"""The house: what Mailroom knows and decides about mail. It knows no door."""
