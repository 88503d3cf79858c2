"""Clips of people who do not exist, drawn from rights-clean portraits, with the truth about every pixel's motion."""
