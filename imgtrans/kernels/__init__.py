"""Loops of a network in the processor's own code, made at the first use: convolutions, and sums of maps."""
