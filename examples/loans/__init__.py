"""Loans: applications that are approved or denied, and a champion that gives way only to a better model."""
