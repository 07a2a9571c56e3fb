"""What the stand-ins share: time, chance, sample data, faults, transport, request log, control plane, process."""
