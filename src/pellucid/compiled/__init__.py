"""The fast path of training: whole runs of steps as machine code, tested against the plain layers.

`program` says which trainings can be compiled and when that pays, without importing Numba. `descent` (CPU)
and `gpu.fused` are what `pellucid.train` calls. `layout` describes a network as numbers and offsets into flat
arrays, `formulas` holds the compiled copies of the formulas of layers, losses and optimizers, `steps` the
passes and the loop. `first/` computes the first layer, `threads/` divides the work, `llvm/` is machine level.
"""
