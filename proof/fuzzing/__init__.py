"""What `proof.fuzz` is made of: damaged files, the readers that get them, and a watch over each reading."""
