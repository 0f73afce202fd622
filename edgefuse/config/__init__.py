"""YAML in, frozen structs out; nothing else reads YAML."""
