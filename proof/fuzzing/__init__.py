"""The parts of `proof.fuzz`: damaged files, the readers that get them, and limits on each reading."""
