"""What the scenarios share: namespaces as machines, a wire that can be tapped and tampered with, daemons, a report."""
