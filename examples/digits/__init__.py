"""Digits: a small convolutional network on scikit-learn's handwritten digits, from PNG or JPEG to the best five."""
