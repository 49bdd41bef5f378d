"""The pictures that a model is trained on: found, doubted, cut and read ahead."""
