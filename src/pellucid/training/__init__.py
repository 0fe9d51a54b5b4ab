"""Training: the loop of the textbook (`loop`, `step`) and what surrounds it."""
