"""Files: written whole or not at all, read safely, safetensors, saved networks."""
