"""The published networks of Siarohin et al., NeurIPS 2019, key for key."""
