"""Pictures as files: what is one, how it is decoded, prepared, and written back as it was."""
