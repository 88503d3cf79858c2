"""The marks of a file, label, watermark and manifest, and what they say to whoever verifies it."""
