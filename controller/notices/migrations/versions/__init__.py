"""Each version of the tables, the first makes them."""
