//! From syntax tree to executable tree: every name becomes a local slot, a captured cell, a global
//! or a built-in; constants are folded; nodes are specialised. It must not know values beyond
//! constants, nor the runtime.

pub mod tree;
