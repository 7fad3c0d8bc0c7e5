//! The `conc` command. All it does is hand over to the command line in the library.

/// Turns running out of memory into an error of the script.
#[global_allocator]
static ALLOCATOR: conc::runtime::memory::Reserving = conc::runtime::memory::Reserving;

fn main() -> std::process::ExitCode {
    conc::cli::main()
}
