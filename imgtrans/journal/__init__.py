"""What was made in an output folder, from what and by which model: one SQLite file, its locks and its readers."""
