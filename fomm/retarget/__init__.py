"""The driver's motion on another face: in its proportions and within its range."""
