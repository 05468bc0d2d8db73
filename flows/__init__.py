"""Prefect flows, the configuration at the boundary, and the command line.

A flow reads top to bottom in data order. Its parameters are described in a Google-style ``Args``
section, unlike the rest of the project, since that is what Prefect turns into the form of its UI.
"""
