"""Runs of imgtrans on a Ray cluster."""
