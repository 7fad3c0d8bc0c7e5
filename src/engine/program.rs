//! Programs: compiled once, run often. It must not know what runs them.

use std::mem::ManuallyDrop;
use std::sync::Arc;

use crate::resolve;
use crate::resolve::tree;
use crate::runtime::sharing;
use crate::syntax;
use crate::syntax::error::SyntaxError;
use crate::syntax::source::Source;
use crate::syntax::warning::SyntaxWarning;

/// A compiled program: made once by [`Engine::compile`](super::Engine::compile), run often, by any
/// session on any thread.
///
/// ```
/// let engine = conc::Engine::new();
/// let program = engine.compile("add", "total = total + 1")?;
/// let session = engine.session();
/// session.set("total", 0)?;
/// for _ in 0..3 {
///     session.run(&program)?;
/// }
/// assert_eq!(session.get::<i64>("total")?, 3);
/// # Ok::<(), conc::Error>(())
/// ```
#[derive(Clone)]
pub struct Program {
    pub(crate) program: Tree,
    /// What its text makes one wonder about.
    pub(crate) warnings: Arc<[SyntaxWarning]>,
}

/// What a program is. It has constants, which are values, and a host lets go of it where it likes: so that is a visit.
#[derive(Clone)]
pub(crate) struct Tree(ManuallyDrop<Arc<tree::Program>>);

impl std::ops::Deref for Tree {
    type Target = Arc<tree::Program>;

    fn deref(&self) -> &Arc<tree::Program> {
        &self.0
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // SAFETY: it is not used afterwards.
        sharing::visit(|| unsafe { ManuallyDrop::drop(&mut self.0) });
    }
}

/// How a text is compiled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CompileOptions {
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
    /// The name that it was compiled under.
    pub fn name(&self) -> &str {
        self.program.origin.source.name()
    }

    /// Compiles a source text.
    ///
    /// # Errors
    /// What is wrong with the text, with its place.
    pub(crate) fn compile(
        source: &Arc<Source>,
        options: CompileOptions,
    ) -> Result<Program, SyntaxError> {
        let module = syntax::parse_module(source)?;
        Program::resolve(&module, source, options)
    }

    /// Compiles a syntax tree.
    ///
    /// # Errors
    /// What is wrong with its names.
    pub(crate) fn resolve(
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
        let warnings = module.warnings.as_slice().into();
        let program = Tree(ManuallyDrop::new(program));
        Ok(Program { program, warnings })
    }
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Program").field(&self.name()).finish()
    }
}
