"""What is computed once per photo: matte, background, what lies beyond its edges, the mirrored half."""
