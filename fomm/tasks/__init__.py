"""Whole tasks over the rooms below: track a clip, animate a photo, go live, preview, edit."""
