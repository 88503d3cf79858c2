"""Motion tracks and their transfer from one face to another."""
