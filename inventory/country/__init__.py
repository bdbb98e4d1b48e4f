"""Cameroon's places, sites and circuits, and the intent folder made from them."""
