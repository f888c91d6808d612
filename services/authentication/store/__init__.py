"""SQL implementations of the repository ports; no business rules."""
