"""One file, one subcommand of ``edgefuse``; the contract is ``edgefuse.command``."""
