"""Announced consultations: what to expect of them, and what they keep from being changed."""
