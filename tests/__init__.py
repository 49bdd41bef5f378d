"""All tests; a package, as another package of this name may be installed with a library."""
