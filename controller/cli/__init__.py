"""The command line: one module per noun, nothing but reading arguments and printing answers."""
