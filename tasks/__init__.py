"""Prefect tasks: each takes paths and a configuration, calls one function, returns a small receipt."""
