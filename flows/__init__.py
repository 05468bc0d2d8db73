"""Prefect flows, the configuration at the boundary, and the command line."""
