"""What people see: the command line, the pytest plugin, the screen and the report."""
