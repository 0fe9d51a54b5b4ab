"""Programs that prove what pellucid claims, at full size: `make proof`, or ``python -m proof NAME``.

Each proof is a module with ``prove(n, advance)``, which tries n cases and returns what it found. The tests
call the same functions with fewer cases.
"""
