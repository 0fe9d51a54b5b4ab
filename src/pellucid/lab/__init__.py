"""The laboratory: reruns published reports and says which of their figures hold."""
