"""Training patches: where they are cut, what becomes of them, and the store that holds them."""
