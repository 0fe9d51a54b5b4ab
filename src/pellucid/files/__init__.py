"""Files: atomic writes, safe reads, and the formats safetensors, .npy and saved networks."""
