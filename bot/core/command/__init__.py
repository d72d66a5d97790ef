"""How what people write, and what GitHub delivers, becomes what is asked."""
