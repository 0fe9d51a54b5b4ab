"""Threads that share the work of a training step: workers, shares, and the threads of BLAS."""
