"""Other libraries: the twin run in PyTorch."""
