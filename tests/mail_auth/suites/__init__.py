"""The conformance suites that others wrote: how each is driven, what is right, and where we differ with a reason."""
