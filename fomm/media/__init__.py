"""Streaming images, video and sound in and out of the bundled ffmpeg."""
