"""Types of the family ``auths``, one per way to log in."""
