"""What there is in a watched folder, and what has changed: told by the system, or looked for."""
