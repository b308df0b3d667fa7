"""Rules as staff makes them: with a decision, from a file, tried on past messages, confirmed after a second look."""
