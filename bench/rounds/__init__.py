"""What the claims have in common: contenders in alternating rounds, processor time, loads, printed tables."""
