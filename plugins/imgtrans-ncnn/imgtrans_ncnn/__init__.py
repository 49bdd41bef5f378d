"""ncnn for imgtrans."""
