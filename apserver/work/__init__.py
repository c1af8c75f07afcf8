"""Background work: jobs on activities, and deliveries."""
