"""The elements of the family ``corps`` that this plugin ships."""
