"""The commands, one file each: thin layers over the Python API."""
