"""Tests of models at serving time."""
