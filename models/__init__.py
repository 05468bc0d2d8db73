"""Networks, losses, training loops, predictors and model bundles, on plain arrays and torch.

Nothing here knows of Zarr, Dask or Prefect, so that a GPU image with torch and numpy can train.
"""
