"""A network drawn as SVG."""
