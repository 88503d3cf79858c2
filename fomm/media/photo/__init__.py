"""Photos: bounds on hostile files, decoding, orientation, colour profiles, reduction."""
