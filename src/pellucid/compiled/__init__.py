"""The fast path of training: many steps in one call of machine code, tested against the plain layers.

`program` says which training runs can be compiled and when that pays, without importing Numba. `descent`
(CPU) and `gpu.fused` are what `pellucid.train` calls. `layout` describes a network as numbers and offsets
into flat arrays, `formulas` holds the compiled copies of the formulas of layers, losses and optimizers,
`steps` the passes and the loop. `first/` computes the first layer, `threads/` divides the work, `llvm/` emits
LLVM code.
"""
