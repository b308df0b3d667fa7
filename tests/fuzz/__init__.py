"""Fuzzing: every parser of hostile bytes is a target, run shortly by `make test` and for long by `make fuzz`.

A target is a module in `targets/`: `SEEDS`, inputs to begin with, and `one_input(data)`, which raises when a promise is
broken. Nothing else is to be registered. An input that was found once becomes a seed.
"""
