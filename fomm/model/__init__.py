"""A family of networks and its rules behind one interface: detect, encode once, animate many."""
