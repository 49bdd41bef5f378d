"""Who does the work of a run, and where."""
