"""The compact networks, for real time on two processor cores."""
