"""The pages: what sellers see. Views turn facts into text, routes respond, templates draw."""
