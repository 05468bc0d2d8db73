"""Prefect tasks: each takes paths and a configuration, and returns a small receipt."""
