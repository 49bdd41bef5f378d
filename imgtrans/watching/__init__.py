"""A folder that keeps filling: what arrives is translated, and what has become of it is seen to."""
