"""Loading, checking and converting model weights."""
