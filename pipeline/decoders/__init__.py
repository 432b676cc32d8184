"""From files to labelled images, a module for each format: strict, and safe with bytes from anywhere."""
