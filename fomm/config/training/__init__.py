"""Sizes of the networks, and how they are trained: the sections of a configuration file."""
