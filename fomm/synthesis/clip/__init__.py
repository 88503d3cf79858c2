"""A clip of that head: how it moves, what is around it, and the camera."""
