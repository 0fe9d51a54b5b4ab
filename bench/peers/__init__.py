"""The other contestants: each library in its fastest form, and plain NumPy as the reports wrote it."""
