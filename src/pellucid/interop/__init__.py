"""Other libraries: networks to PyTorch and back, files of its users, and the twin run."""
