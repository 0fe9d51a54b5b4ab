"""Machine code that Python cannot express: vectors of the processor, atomic counters, prefetching."""
