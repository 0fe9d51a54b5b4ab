"""The other contestants: each library in its fastest form, and plain NumPy as in the reports."""
