"""Training steps on a GPU, as fused CuPy kernels."""
