"""OpenVINO for imgtrans."""
