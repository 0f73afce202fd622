"""The parts of ``tools/convert``; edgefuse itself never imports them."""
