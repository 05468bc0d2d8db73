"""The science and the data of seisproc: SEG-Y, survey stores, tiling, synthesis, metrics, reports.

Usable from a notebook with nothing else running: no torch and no Prefect are imported here.
"""
