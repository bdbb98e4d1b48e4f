"""The controller as a service: what monitors, decides, stores and answers, in one process."""
