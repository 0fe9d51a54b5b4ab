"""The benchmark: the same training in pellucid, its peers and plain NumPy, and the limits of the machine.

Run it with `make bench` or ``python -m bench``. Each contestant trains in a separate process. In each round
every contestant is measured once, so other load on the machine affects all of them alike.
"""
