"""What goes on beside the work for as long as a coordinator lives: it writes down what the next one
has to know, looks after what nobody tells by itself, tells systemd, and copies and reloads."""
