"""Consent, marking and the single exit for generated frames."""
