"""What the stand-ins share: time, chance, faults, the wire, the record of requests, the control plane, the process."""
