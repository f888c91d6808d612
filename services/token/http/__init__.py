"""The client endpoints: parsing requests and rendering responses; no business rules."""
