"""Tests of the worked scenarios."""
