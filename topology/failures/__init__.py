"""What fails together: cuts, resilience and blast radius."""
