"""The fast path: a whole run of training steps compiled by Numba, beside the plain layers and equal to them.

`program` says which networks can be compiled and `layout` where their arrays lie; `formulas` and `updates`
hold the algebra, `steps` the forward and backward pass and the loop around it; `descent` is what
`pellucid.train` calls. Numba is imported with `descent`, when a run is long enough to pay for it.
"""
