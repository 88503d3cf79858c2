"""What can be trained, each behind the interface that the trainer knows."""
