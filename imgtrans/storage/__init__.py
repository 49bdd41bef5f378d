"""Object storage: addresses of objects, and what is read, written and listed there, through fsspec."""
