"""Claims proved at full size: `prove(n, advance)` of each module tries n cases and returns findings."""
