"""The main sequence: facts, then the rule, then its effects. Used by serve, work and cli alike."""
