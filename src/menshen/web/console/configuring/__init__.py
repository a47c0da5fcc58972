"""Pages that change the configuration: a form for every part, the plugins' bindings, and the document as a whole."""
