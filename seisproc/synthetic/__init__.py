"""Labelled synthetic seismic, one physical step a file. Needs numpy, scipy and numba only."""
