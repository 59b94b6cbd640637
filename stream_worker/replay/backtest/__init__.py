"""Back-test: two models' answers to the same archive, compared; `comparison.py` counts and `report.py` tells."""
