//! The `conc` command. All it does is hand over to the command line in the library.

fn main() -> std::process::ExitCode {
    conc::cli::main()
}
