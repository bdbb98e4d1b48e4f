"""The controller as a service: what hears, decides, stores and answers in one process."""
