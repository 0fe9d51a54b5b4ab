"""Figures of the laboratory, drawn from plain data."""
