"""Surveys and what was made of them, in a browser: a small read-only web server and neuroglancer.

Neuroglancer, the client, comes with the package of this name and reads Zarr itself.
"""
