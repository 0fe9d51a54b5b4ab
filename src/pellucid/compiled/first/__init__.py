"""Three ways to compute the products of the first layer, whose inputs are rows of the data."""
