"""Keys, certificates and the private folder that holds them."""
