"""Ways to get packages, one file for each kind of source in a manifest; see ``edgefuse.store.transport``."""
