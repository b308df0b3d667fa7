"""The database: engine, tables, bodies, states and the ledger that alone changes them."""
