"""Record of a message: envelope, authentication, summary and signals as one compressed value; what SQL asks of it."""
