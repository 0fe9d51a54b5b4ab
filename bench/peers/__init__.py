"""The contestants that are not ours: each library in its best form, and the way the reports wrote it."""
