"""What commands print: tables, JSON, CSV, progress, reports as text and HTML."""
