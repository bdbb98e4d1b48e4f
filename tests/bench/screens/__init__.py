"""What the NOC's pages cost a browser, a line and the server."""
