"""The console: what operators see and do in a browser. A view for each page, a template for each view."""
