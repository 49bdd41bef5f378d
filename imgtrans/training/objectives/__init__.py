"""Objectives: what generators are asked to learn, each with the networks that teach them."""
