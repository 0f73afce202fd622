"""The build side: releases are made, proven, compared, signed and published here; no device runs any of it."""
