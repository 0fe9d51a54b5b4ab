"""Threads that share the work of a training step, and the limits on the threads of BLAS."""
