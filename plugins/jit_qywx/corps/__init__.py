"""Types of the family ``corps`` that speak to WeCom."""
