//! The public face for Rust programs: an [`Engine`] makes [`Program`]s and [`Session`]s. It must
//! not know the command line.

pub(crate) mod load;
mod session;

pub use session::{Session, SessionOptions};

use std::sync::Arc;

use crate::resolve;
use crate::resolve::tree;
use crate::syntax;
use crate::syntax::error::SyntaxError;
use crate::syntax::source::Source;

/// A compiled program: made once, run often, by any session on any thread.
#[derive(Clone)]
pub struct Program {
    pub(crate) program: Arc<tree::Program>,
}

/// How a text is compiled.
#[derive(Clone, Copy, Debug)]
pub struct CompileOptions {
    /// Whether nodes are specialised. Plain trees are for comparing the two.
    pub optimise: bool,
    /// Whether expression statements at the top level show their values.
    pub prompt: bool,
    /// Whether the program has the value of its last statement, if that is an expression.
    pub expression: bool,
}

impl Default for CompileOptions {
    fn default() -> Self {
        CompileOptions {
            optimise: true,
            prompt: false,
            expression: false,
        }
    }
}

impl Program {
    /// Compiles a source text.
    ///
    /// # Errors
    /// What is wrong with the text, with its place.
    pub fn compile(source: &Arc<Source>, options: CompileOptions) -> Result<Program, SyntaxError> {
        let module = syntax::parse_module(source)?;
        Program::resolve(&module, source, options)
    }

    /// Compiles a syntax tree.
    ///
    /// # Errors
    /// What is wrong with its names.
    pub fn resolve(
        module: &syntax::ast::Module,
        source: &Arc<Source>,
        options: CompileOptions,
    ) -> Result<Program, SyntaxError> {
        let program = resolve::resolve(
            module,
            source.clone(),
            resolve::Options {
                optimise: options.optimise,
                prompt: options.prompt,
                expression: options.expression,
            },
        )?;
        Ok(Program { program })
    }
}
