"""The audit log: hash chain, signed checkpoints, reading and verifying it."""
