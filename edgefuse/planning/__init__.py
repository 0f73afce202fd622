"""What will run on this unit, and why: facts, plan, golden checks, measurements."""
