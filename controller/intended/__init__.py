"""The intended configuration: from intent and topology to what each device should run."""
