"""Fault surfaces: a volume of fault probability thinned, linked, numbered and drawn as sticks."""
