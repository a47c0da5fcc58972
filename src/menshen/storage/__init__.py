"""Tables, migrations, repositories."""
