//! The command table, handlers and dispatch: every data command, in process, without sockets.
