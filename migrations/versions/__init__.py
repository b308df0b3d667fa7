"""The baseline and the steps since, in order."""
