"""The interfaces that the use cases need: repositories, other services, caches and keys; no implementation."""
