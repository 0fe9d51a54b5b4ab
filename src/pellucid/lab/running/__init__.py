"""Carrying out the runs of the reports: what is missing, by whom, in which order, shown how."""
