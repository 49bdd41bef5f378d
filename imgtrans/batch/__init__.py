"""A folder once: plan what is to do, have it done, and keep a durable record."""
