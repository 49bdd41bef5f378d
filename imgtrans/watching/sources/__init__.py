"""What becomes of sources and outputs afterwards: moved, deleted, tried again, handed to a command of the user's."""
