"""What operators declare: the document, its checks, and the snapshot it compiles to."""
