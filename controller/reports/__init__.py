"""Reports: availability and preventive maintenance as values, and how they are written."""
