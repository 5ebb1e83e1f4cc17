"""Elements of the family things."""
