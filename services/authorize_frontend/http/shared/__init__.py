"""What the other packages of `http` share: forms, cookies, errors, rendering. It imports none of them."""
