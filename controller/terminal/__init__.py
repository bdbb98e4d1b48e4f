"""What every verb shares at a terminal: tables, progress, completion, questions."""
