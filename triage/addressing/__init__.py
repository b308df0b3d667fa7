"""Addresses as values: envelopes, sub-addresses, registrable domains, the company's people and networks."""
