"""Carry out the runs of the reports: find the missing ones, order them, run them in parallel."""
