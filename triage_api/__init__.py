"""The HTTP API: translates requests of the console and of scripts into the house's verbs, and what they return into JSON."""
