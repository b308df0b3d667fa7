"""Libraries of the product: why each is there, and under which licence."""
