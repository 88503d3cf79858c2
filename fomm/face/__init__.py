"""Finding faces and cropping around them."""
