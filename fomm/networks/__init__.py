"""Networks alone: tensors in, tensors out; no files, no devices chosen, no media."""
