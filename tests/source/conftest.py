from photograph import blank, finder, head, photo

__all__ = ["blank", "finder", "head", "photo"]
