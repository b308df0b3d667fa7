"""Allow and block lists of the gateway that a company leaves, read as rules: SpamAssassin, Exchange, CSV."""
