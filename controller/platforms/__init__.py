"""What the controller knows of a vendor's configuration text, behind one model."""
