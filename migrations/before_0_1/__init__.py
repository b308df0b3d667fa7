"""The steps up to the version of the baseline, in order: for databases of before 0.1."""
