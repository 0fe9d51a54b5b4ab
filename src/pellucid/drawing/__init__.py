"""Drawings of a network: the diagram as SVG, and the summary as text."""
