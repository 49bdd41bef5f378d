"""A network as a program for a CUDA device: fewer operations, each over whole maps, recorded and replayed."""
