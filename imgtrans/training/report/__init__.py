"""The report of a run: one page that shows how a training goes while it goes."""
