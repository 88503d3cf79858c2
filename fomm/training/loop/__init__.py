"""The training loop: runs, resume, several processes, progress."""
