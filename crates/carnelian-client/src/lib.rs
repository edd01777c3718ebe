//! Asynchronous and blocking RESP client with pipelines.
