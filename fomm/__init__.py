"""fomm: first-order-motion image animation of one consented portrait."""

__version__ = "0.1.0"
