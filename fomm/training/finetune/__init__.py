"""Fine-tuning on one consented person, and learning the directions of a model."""
