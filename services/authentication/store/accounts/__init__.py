"""Tables of users and their exports."""
