"""A network of ResNet-152's shape with random weights: as heavy to serve as the real one, and knowing nothing."""
