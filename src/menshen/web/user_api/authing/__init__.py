"""The wire of Authing's mini-program client (npm ``authing-wxapp-sdk`` 4): it works here with only ``host`` changed."""
