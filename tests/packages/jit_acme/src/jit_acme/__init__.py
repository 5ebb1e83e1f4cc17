"""A plugin of somebody else's: a Type with a folder, a Type without one, a command."""
