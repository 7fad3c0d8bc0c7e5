//! The arguments of the command: which are its own, which are the script's. It must not know what
//! is done with them.

use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// What is to be run, and how.
#[derive(Debug)]
pub(super) struct Command {
    /// What is to be run.
    pub(super) program: Program,
    /// `sys.argv`, the program's own name included.
    pub(super) arguments: Vec<String>,
    /// Whether a prompt follows.
    pub(super) interactive: bool,
    /// Whether output goes out at once.
    pub(super) unbuffered: bool,
    /// Whether nodes are specialised.
    pub(super) optimise: bool,
    /// What is to become of warnings, as `-W` says it.
    pub(super) warnings: Vec<String>,
}

/// Where the program's text comes from.
#[derive(Debug)]
pub(super) enum Program {
    /// A file.
    File(PathBuf),
    /// A module, found as `import` finds it.
    Module(String),
    /// The command line itself.
    Text(String),
    /// Standard input, to its end.
    Input,
    /// Nothing but the prompt.
    Prompt,
}

/// Python-flavoured scripts on real processes and threads.
///
/// Runs FILE with the arguments that follow it. Without FILE, reads a script from standard input,
/// or shows a prompt where that is a terminal.
#[derive(Parser)]
#[command(name = "conc", version, about, long_about, max_term_width = 100)]
#[command(override_usage = "conc [OPTIONS] [FILE | - | -c CODE | -m MODULE] [ARGUMENT]...")]
#[command(after_help = "\
Environment:
  CONC_PATH           folders, separated by colons, in which `import` looks for files
  CONC_UNBUFFERED=1   the same as -u
  CONC_MODE=plain     run without specialised nodes, to compare
  NO_COLOR=1          no colours; FORCE_COLOR=1 for colours where there is no terminal")]
struct Options {
    /// Run CODE; the arguments after it are the script's
    #[arg(short = 'c', value_name = "CODE")]
    code: Option<OsString>,
    /// Run MODULE: a file or package beside the current folder, or one of the library
    #[arg(short = 'm', value_name = "MODULE")]
    module: Option<OsString>,
    /// Say what is to become of warnings: default, error, always, module, once, ignore
    #[arg(short = 'W', value_name = "ACTION")]
    warnings: Vec<OsString>,
    /// For habit's sake: conc writes no files of compiled code
    #[arg(short = 'B', hide = true)]
    writes_no_code: bool,
    /// For habit's sake: the prompt says little anyway
    #[arg(short = 'q', hide = true)]
    quiet: bool,
    /// Refused: assertions are part of the program
    #[arg(short = 'O', hide = true, action = clap::ArgAction::Count)]
    without_assertions: u8,
    /// Show a prompt when the script has ended
    #[arg(short = 'i')]
    interactive: bool,
    /// Write output at once, wherever it goes
    #[arg(short = 'u')]
    unbuffered: bool,
    /// The script; `-` is standard input
    #[arg(value_name = "FILE")]
    file: Option<OsString>,
    /// What the script finds in `sys.argv`
    #[arg(value_name = "ARGUMENT")]
    arguments: Vec<OsString>,
}

/// Reads the command line. Where there is nothing left to do, the status to end with.
pub(super) fn parse() -> Result<Command, ExitCode> {
    let all: Vec<OsString> = std::env::args_os().collect();
    let (own, rest) = split(all);
    let options = Options::try_parse_from(own).map_err(|error| {
        // Help and version go to standard output and are no error. Nobody is left to be told
        // when even that cannot be written.
        let _ = error.print();
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(super::USAGE))
    })?;
    if options.without_assertions > 0 {
        super::show::say("conc: there is no -O: assertions are part of the program\n");
        return Err(ExitCode::from(super::USAGE));
    }
    Ok(command(options, &rest))
}

fn command(options: Options, rest: &[OsString]) -> Command {
    let text = |word: &OsStr| word.to_string_lossy().into_owned();
    let (program, name) = match (options.code.or(options.module.clone()), options.file) {
        (Some(module), _) if options.module.is_some() => {
            (Program::Module(text(&module)), "-m".to_owned())
        }
        (Some(code), _) => (Program::Text(text(&code)), "-c".to_owned()),
        (None, Some(file)) if file == "-" => (Program::Input, "-".to_owned()),
        (None, Some(file)) => (Program::File(PathBuf::from(&file)), text(&file)),
        (None, None) if std::io::stdin().is_terminal() || options.interactive => {
            (Program::Prompt, String::new())
        }
        (None, None) => (Program::Input, String::new()),
    };
    let mut arguments = vec![name];
    arguments.extend(rest.iter().map(|word| text(word)));
    Command {
        program,
        arguments,
        interactive: options.interactive,
        unbuffered: options.unbuffered || is_set("CONC_UNBUFFERED"),
        warnings: warnings_of_environment()
            .chain(options.warnings.iter().map(|word| text(word)))
            .collect(),
        optimise: std::env::var_os("CONC_MODE").is_none_or(|mode| mode != "plain"),
    }
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty() && value != "0")
}

/// Parts the command's own arguments from the script's: what follows the script's name or code is
/// the script's, whatever it looks like.
fn split(all: Vec<OsString>) -> (Vec<OsString>, Vec<OsString>) {
    let mut own = Vec::new();
    let mut words = all.into_iter();
    own.extend(words.next());
    while let Some(word) = words.next() {
        let text = word.to_string_lossy().into_owned();
        let names_script = !text.starts_with('-') || text == "-";
        if text == "--" {
            own.push(word);
            own.extend(words.next());
            break;
        }
        let cluster = text.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
        own.push(word);
        match cluster.and_then(value_in) {
            // In `-uc CODE` and `-cCODE`, what follows the `c` is code; the rest is the script's.
            Some(('c' | 'm', attached)) => {
                if attached.is_empty() {
                    own.extend(words.next());
                }
                break;
            }
            Some((_, "")) => own.extend(words.next()),
            _ => {}
        }
        if names_script {
            break;
        }
    }
    (own, words.collect())
}

/// The letter of a cluster of options that wants a value, and what of it stands in the same word.
fn value_in(cluster: &str) -> Option<(char, &str)> {
    let place = cluster.find(['c', 'm', 'W'])?;
    let (flags, rest) = cluster.split_at(place);
    let letter = rest.chars().next()?;
    flags
        .chars()
        .all(|flag| "iuBqO".contains(flag))
        .then(|| (letter, &rest[letter.len_utf8()..]))
}

/// What programs that run others say about warnings, in the variable that Python has for it. What the command line
/// says comes later, and wins.
fn warnings_of_environment() -> impl Iterator<Item = String> {
    let all = std::env::var("PYTHONWARNINGS").unwrap_or_default();
    let words: Vec<String> = all
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    words.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_scripts_arguments_are_its_own() {
        for (line, own) in [
            ("conc a.conc -h", 2),
            ("conc -u a.conc -V x", 3),
            ("conc -c CODE -h", 3),
            ("conc -uc CODE -h", 3),
            ("conc -cCODE -h", 2),
            ("conc - -h", 2),
            ("conc -- a.conc -h", 3),
            ("conc -i -V", 3),
            ("conc -m json.tool -h", 3),
            ("conc -mjson.tool -h", 2),
            ("conc -W ignore a.conc -W x", 4),
            ("conc -Wignore -B a.conc -h", 4),
        ] {
            let all = words(line);
            let count = all.len();
            let (left, right) = split(all);
            assert_eq!((left.len(), right.len()), (own, count - own), "{line}");
        }
    }

    #[test]
    fn the_options_make_sense() {
        Options::command().debug_assert();
    }
}
