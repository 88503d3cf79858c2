"""What a user can set: declared once, validated when built, free of torch; command line, studio and YAML follow."""
