"""The one document over its life: revisions of it, read, changed in parts, compared."""
