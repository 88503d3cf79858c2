"""How good a model is on clips it never saw, against baselines: numbers for anyone, pictures with a consent only."""
