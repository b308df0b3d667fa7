"""The rows of the queue, counted ahead or at once."""
