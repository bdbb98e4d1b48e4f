"""Network namespaces, links and processes from which a laboratory is made."""
