"""How good an interpretation is, beside what costs nothing."""
