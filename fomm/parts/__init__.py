"""What is computed for every frame by rule, in closed form: lids, lips, irises, teeth, visibility, layers."""
