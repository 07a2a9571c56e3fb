"""`keeper doctor`: whether all that the product stands on is as it should be, asked of each part itself."""
