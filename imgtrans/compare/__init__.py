"""The same pictures by several models and at several sizes, side by side, to choose from."""
