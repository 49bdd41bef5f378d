"""ONNX Runtime for imgtrans."""
