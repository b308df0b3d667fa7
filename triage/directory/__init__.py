"""The company directory in the database: take-over, recipients, renames, people who left, the recipient map."""
