"""Claims proved at full size: each module has `prove(n, advance)`, which tries n cases and returns findings."""
