"""A portrait as a moving 2.5-D head."""
