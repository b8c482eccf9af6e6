"""Programs of operations, and the engines of single messages that execute them."""
