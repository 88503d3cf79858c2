"""The browser studio: the same pipeline, settings and trust as the command line, behind a page."""
