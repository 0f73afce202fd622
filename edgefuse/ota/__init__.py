"""How a device gets releases: whom it trusts, and how bytes come."""
