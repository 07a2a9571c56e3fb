"""One user with connected shops: made, worked by the product's own parts, and compared with what is true."""
