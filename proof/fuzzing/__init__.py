"""The parts of `proof.fuzz`: damaged files, the readers that get them, and a watch over each reading."""
