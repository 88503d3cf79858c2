"""The measures, each of two pictures, two curves or two fields."""
