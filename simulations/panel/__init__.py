"""The NOC's pages beside a laboratory: its live call, and buttons that cut and mend circuits."""
