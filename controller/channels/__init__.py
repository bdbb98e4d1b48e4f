"""Channels of notices: mail, webhook, SMS over SMPP, and messengers through Apprise."""
