"""Random views of training data, with the truth transformed alongside."""
