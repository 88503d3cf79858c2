"""Whole tasks over the rooms below: animate a photo, extract a motion track."""
