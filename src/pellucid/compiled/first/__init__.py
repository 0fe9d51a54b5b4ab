"""The products of the first layer, whose inputs are rows of the data: by BLAS, sparse, or in panels."""
