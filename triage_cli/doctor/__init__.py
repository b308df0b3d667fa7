"""`mailroom doctor`: looks at DNS, ports, certificates, database, mailboxes, and says what to do."""
