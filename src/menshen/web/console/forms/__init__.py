"""Forms for the parts of a document, made from the parts' own models: what a part may say, its form has a field for."""
