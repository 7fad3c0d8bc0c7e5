//! The runtime layer: operating-system processes, threads and shared memory. Speaks bytes and
//! handles; it must not know script values, the AST or the evaluator.
