"""The benchmark: the same training by pellucid, its peers and plain NumPy, beside what the machine can do.

`pellucid bench` measures. Each contestant trains in a process of its own; a round asks one after another, so
that whatever else the machine does meets them all.
"""
