"""Commands that read past mail: simulate, seed, import, learn."""
