"""Diabetes: a regression on ten measurements of a patient, scikit-learn's own data."""
