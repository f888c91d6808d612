"""The interfaces that the use cases need: repositories, password hashing and the mailer; no implementation."""
