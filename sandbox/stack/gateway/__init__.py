"""The entrance of the embedded stack: one address with the paths of hosted Supabase."""
