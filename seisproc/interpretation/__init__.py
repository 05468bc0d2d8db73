"""Networks over a whole survey: windows, blending, regions, and the volumes that come of it."""
