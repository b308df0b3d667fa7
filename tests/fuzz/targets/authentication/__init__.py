"""Results of SPF, DKIM, DMARC and ARC."""
