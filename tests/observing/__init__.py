"""Observers: what they are told and what they add up."""
