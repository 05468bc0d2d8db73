"""Interpretations in all the forms they come in, as volumes on a survey's lattice."""
