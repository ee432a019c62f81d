"""`seimai release`: sets of runs as one release; `about` is what its owner says of it."""
