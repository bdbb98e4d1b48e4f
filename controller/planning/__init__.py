"""From a folder and what devices run to a plan: differences, waves, impact, blast radius."""
