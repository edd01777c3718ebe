//! The interactive and one-shot command line client, as a library.
