"""Rendering: the only place where inference precision, batching and caching live."""
