"""The elements of the family ``databases``."""
