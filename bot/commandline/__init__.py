"""The command line: asks the running bot over its socket, or reads the database."""
