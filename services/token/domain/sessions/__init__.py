"""Rules of logout and of logout deliveries; no storage."""
