"""The parts of mirrorfs by themselves, each beside the least that any program could do."""
