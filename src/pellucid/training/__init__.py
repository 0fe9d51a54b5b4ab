"""Training: the textbook loop (`loop`) and what surrounds it."""
