"""Machine-level code that Numba cannot express in Python: vector registers, atomic counters, prefetching."""
