"""Programs that check pellucid's claims on many cases: `make proof`, or ``python -m proof NAME``.

Each proof is a module with a function ``prove(n, advance)``, which checks n cases, calls ``advance(k)`` after
each k cases, and returns its findings. The tests call the same functions with fewer cases.
"""
