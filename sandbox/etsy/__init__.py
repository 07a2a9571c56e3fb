"""An Etsy for tests, benchmarks and demos: the vendor's paths, checks, limits and habits over shops from a seed."""
