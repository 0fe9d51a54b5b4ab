"""Training on a memory map: windows of the file are read ahead while the previous one is trained on."""
