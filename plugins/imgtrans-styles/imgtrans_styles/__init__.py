"""Generators of one style each for imgtrans: fast neural style, CartoonGAN, AnimeGANv2."""
