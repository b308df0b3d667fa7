"""One module for each parser that reads what strangers wrote."""
