"""One module per command or group of commands, loaded when it is called."""
