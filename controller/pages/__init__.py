"""The pages of the NOC: each reads what it asks for and shows what the API's own functions give."""
