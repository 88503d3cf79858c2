"""The only exit: generated frames become files here, marked and signed, or do not become files."""
