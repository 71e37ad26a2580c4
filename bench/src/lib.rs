//! Measurements of the built binary beside the engine's bare calls, in one run.
