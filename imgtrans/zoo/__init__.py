"""The local zoo of trained models: where they live, how they are found, how they get in and out."""
