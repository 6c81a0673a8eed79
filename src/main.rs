//! Wires the program together: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    kubedro::cli::main()
}
