"""How incidents open, change, merge and end, and what persons do to them."""
