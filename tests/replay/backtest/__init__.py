"""Tests of the parts that a back-test is made of."""
